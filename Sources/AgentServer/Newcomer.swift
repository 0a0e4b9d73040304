import DTASystem

/// A connection that has a place, and whose caller is being found out.
///
/// The thread that decides about it takes its descriptors out. So one that is given up leaves none in a lane in which a
/// lookup for it still waits.
final class Newcomer: Sendable {
    let id: UInt64
    let account: UserAccount
    let dialect: Dialect
    let since = monotonicNanoseconds()
    private let state: Locked<(socket: Descriptor, found: Peer.Found)?>

    init(id: UInt64, account: UserAccount, dialect: Dialect, socket: Descriptor, found: Peer.Found) {
        self.id = id
        self.account = account
        self.dialect = dialect
        state = Locked((socket, found))
    }

    /// What is known so far; nil once it is decided.
    var found: Peer.Found? { state.withLock { $0?.found } }

    /// Adds something to what is known of the caller.
    /// - Returns: what is known now; nil once it is decided.
    func learn(_ change: (inout Caller) -> Void) -> Peer.Found? {
        state.withLock {
            guard $0 != nil else { return nil }
            if var found = $0?.found {
                change(&found.caller)
                $0?.found = found
            }
            return $0?.found
        }
    }

    /// Gives it to the thread that decides, once.
    func decide() -> (socket: Descriptor, caller: Caller)? {
        state.withLock { state in
            defer { state = nil }
            return state.map { ($0.socket, $0.found.caller) }
        }
    }
}
