import DTASystem

/// Threads of the operating system. The request path is synchronous on purpose: see docs/architecture.md.
public enum Thread {
    /// Starts a detached thread.
    public static func start(_ name: String, _ run: @escaping @Sendable () -> Void) {
        do {
            try startThread(name, run)
        } catch {
            // Only at start, before anybody is served: an agent without its workers must not pretend to be one.
            fatalError("the thread \(name): \(error)")
        }
    }
}
