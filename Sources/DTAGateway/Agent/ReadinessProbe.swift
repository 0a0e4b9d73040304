import DTASystem

/// Whether requests can be done, checked at most once a second, however often a client asks.
actor ReadinessProbe {
    private static let freshness: UInt64 = 1_000_000_000

    private var answer: (Result<Void, any Error>, time: UInt64)?
    private var lookup: Task<Result<Void, any Error>, Never>?

    /// - Parameter look: checks it, and throws the reason if they cannot.
    func check(_ look: @escaping @Sendable () async throws -> Void) async throws {
        if let (result, time) = answer, monotonicNanoseconds() - time < ReadinessProbe.freshness {
            return try result.get()
        }
        if let lookup { return try await lookup.value.get() }
        let task = Task { () -> Result<Void, any Error> in
            do {
                return .success(try await look())
            } catch {
                return .failure(error)
            }
        }
        lookup = task
        let result = await task.value
        lookup = nil
        answer = (result, monotonicNanoseconds())
        try result.get()
    }
}
