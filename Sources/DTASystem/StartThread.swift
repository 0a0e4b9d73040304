import CLinux
import Glibc

/// Starts a detached thread that runs `body` once. All signals are blocked in it: they belong to others.
/// - Parameter name: what the kernel calls it, of which it takes 15 bytes; "": as its process.
/// - Throws: `SystemCallError` if there are no more threads.
public func startThread(_ name: String = "", _ body: @escaping @Sendable () -> Void) throws {
    let box = unsafe Unmanaged.passRetained(ThreadBody(name: String(name.prefix(15)), run: body))
    var attributes = pthread_attr_t()
    unsafe pthread_attr_init(&attributes)
    defer { unsafe pthread_attr_destroy(&attributes) }
    unsafe pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
    var all = sigset_t()
    var before = sigset_t()
    unsafe sigfillset(&all)
    unsafe pthread_sigmask(SIG_SETMASK, &all, &before)
    defer { unsafe pthread_sigmask(SIG_SETMASK, &before, nil) }
    var thread = pthread_t()
    let code = unsafe pthread_create(
        &thread, &attributes,
        { argument in
            guard let argument else { return nil }
            let body = unsafe Unmanaged<ThreadBody>.fromOpaque(argument).takeRetainedValue()
            if !body.name.isEmpty { unsafe clinux_name_thread(body.name) }
            body.run()
            return nil
        }, box.toOpaque())
    guard code == 0 else {
        unsafe box.release()
        throw SystemCallError("pthread_create", errno: code)
    }
}

private final class ThreadBody: Sendable {
    let name: String
    let run: @Sendable () -> Void

    init(name: String, run: @escaping @Sendable () -> Void) {
        self.name = name
        self.run = run
    }
}
