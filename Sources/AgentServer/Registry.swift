import DTASystem

/// The connections that are open, and what each user occupies.
final class Registry: Sendable {
    /// What is below is no connection.
    static let firstID: UInt64 = 1024

    private struct State {
        var connections: [UInt64: Connection] = [:]
        var accounts: [UInt32: UserAccount] = [:]
        var next = Registry.firstID
    }

    private let limits: ServerLimits
    private let poller: Poller
    private let state = Locked(State())

    init(limits: ServerLimits, poller: Poller) {
        self.limits = limits
        self.poller = poller
    }

    /// - Returns: nil where the user has as many connections as one may have.
    func admit(_ socket: Descriptor, _ caller: Caller) -> Connection? {
        state.withLock { state in
            let account = state.accounts[caller.uid] ?? UserAccount(uid: caller.uid)
            guard account.openConnection(limit: limits.connectionsPerUser) else { return nil }
            state.accounts[caller.uid] = account
            let connection = Connection(
                id: state.next, socket: socket, caller: caller, account: account, limits: limits, poller: poller)
            state.connections[state.next] = connection
            state.next += 1
            return connection
        }
    }

    func find(_ id: UInt64) -> Connection? { state.withLock { $0.connections[id] } }

    func remove(_ connection: Connection) {
        state.withLock {
            guard $0.connections.removeValue(forKey: connection.id) != nil else { return }
            if connection.account.closeConnection() { $0.accounts[connection.caller.uid] = nil }
        }
    }

    var all: [Connection] { state.withLock { Array($0.connections.values) } }
    var count: Int { state.withLock { $0.connections.count } }
    var isIdle: Bool { all.allSatisfy(\.isIdle) }
}
