import DTASystem

/// Work that waits for an HSM process.
struct CustodyJob: Sendable {
    typealias Rest = @Sendable () -> Void
    let user: UInt32
    let since: UInt64
    /// Called exactly once. The closure that it answers runs when the process is free.
    let run: @Sendable (CustodyAccess) -> Rest

    init(user: UInt32, run: @escaping @Sendable (CustodyAccess) -> Rest) {
        self.user = user
        self.since = monotonicNanoseconds()
        self.run = run
    }

    func refuse(_ reason: DTAError) { run(.failure(reason))() }
}
