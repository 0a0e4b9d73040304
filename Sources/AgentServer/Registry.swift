import DTASystem

/// The connections that are open, and what each user occupies.
///
/// All users share one number of places. The last ones are kept for root and for users who have none. If no place is
/// left for a newcomer whose user has fewer than another user, the other's longest idle connection gives way.
public final class Registry: Sendable {
    /// Lower ids are no connections.
    static let firstID: UInt64 = 1024

    private struct Holder {
        let account: UserAccount
        var places = 0
    }

    private struct State {
        var connections: [UInt64: Connection] = [:]
        var newcomers: [UInt64: Newcomer] = [:]
        var holders: [UInt32: Holder] = [:]
        var places = 0
        var next = Registry.firstID
    }

    let limits: ServerLimits
    /// Where their sockets are watched.
    let poller: Poller
    private let state = Locked(State())
    let budget: ByteBudget

    public init(limits: ServerLimits) throws {
        self.limits = limits
        poller = try Poller()
        budget = ByteBudget(limit: limits.bufferedBytes)
    }

    // MARK: Places

    enum Place {
        /// With the connection that has to give way, if one must.
        case taken(UserAccount, from: Connection?)
        case tooManyOfTheUser
        case tooManyInAll
    }

    /// Takes a place for a connection of whose caller only the uid is known.
    /// - Parameter payer: the user with which the uid counts.
    func takePlace(payer: UInt32) -> Place {
        state.withLock { state in
            let own = state.holders[payer]?.places ?? 0
            guard own < limits.connectionsPerUser else { return .tooManyOfTheUser }
            let isFirst = own == 0 || payer == 0
            var leaving: Connection?
            if state.places >= limits.connections - (isFirst ? 0 : limits.reservedConnections) {
                guard let found = giveWay(&state, to: payer, own: own) else { return .tooManyInAll }
                leaving = found
            }
            let account = state.holders[payer]?.account ?? UserAccount(uid: payer, budget: budget)
            state.holders[payer, default: Holder(account: account)].places += 1
            state.places += 1
            return .taken(account, from: leaving)
        }
    }

    /// The longest idle connection of the user who has most, if a newcomer of `payer` may have its place.
    private func giveWay(_ state: inout State, to payer: UInt32, own: Int) -> Connection? {
        guard let most = state.holders.values.max(by: { $0.places < $1.places }),
            most.account.uid != payer, most.places > own + 1 || payer == 0
        else { return nil }
        var found: (connection: Connection, since: UInt64)?
        for connection in state.connections.values where connection.account === most.account {
            guard let since = connection.idleSince, since < found?.since ?? .max else { continue }
            found = (connection, since)
        }
        // It has no owner from now on; the caller closes it.
        if let found { drop(&state, found.connection) }
        return found?.connection
    }

    /// Gives back the place of a connection that was not made.
    func leave(_ newcomer: Newcomer) {
        state.withLock { state in
            state.newcomers[newcomer.id] = nil
            free(&state, newcomer.account)
        }
    }

    /// The same, if there was not even a newcomer.
    func leave(_ account: UserAccount) { state.withLock { free(&$0, account) } }

    private func free(_ state: inout State, _ account: UserAccount) {
        state.places -= 1
        guard var holder = state.holders[account.uid] else { return }
        holder.places -= 1
        state.holders[account.uid] = holder
    }

    /// Forgets users that have been gone for so long that they owe nothing: closing a connection pays no debt. To be
    /// called now and then.
    func forgetUsers(_ now: UInt64) {
        state.withLock { state in
            state.holders = state.holders.filter { $0.value.places > 0 || $0.value.account.isPaying(now) }
        }
    }

    // MARK: Connections

    /// Remembers a newcomer whose caller is still being found out.
    func wait(_ newcomer: Newcomer) { state.withLock { $0.newcomers[newcomer.id] = newcomer } }

    /// Makes a newcomer a connection, which keeps its place.
    func enter(_ newcomer: Newcomer, _ socket: Descriptor, _ caller: Caller) -> Connection {
        state.withLock { state in
            state.newcomers[newcomer.id] = nil
            let connection = Connection(
                id: newcomer.id, socket: socket, caller: caller, account: newcomer.account, dialect: newcomer.dialect,
                limits: limits, poller: poller)
            state.connections[newcomer.id] = connection
            return connection
        }
    }

    func nextID() -> UInt64 {
        state.withLock { state in
            defer { state.next += 1 }
            return state.next
        }
    }

    func find(_ id: UInt64) -> Connection? { state.withLock { $0.connections[id] } }

    func remove(_ connection: Connection) { state.withLock { drop(&$0, connection) } }

    private func drop(_ state: inout State, _ connection: Connection) {
        guard state.connections.removeValue(forKey: connection.id) != nil else { return }
        free(&state, connection.account)
    }

    var all: [Connection] { state.withLock { Array($0.connections.values) } }
    var newcomers: [Newcomer] { state.withLock { Array($0.newcomers.values) } }
    /// Newcomers among them.
    public var count: Int { state.withLock { $0.places } }
    /// Users who have a connection.
    public var users: Int { state.withLock { $0.holders.values.count { $0.places > 0 } } }
    /// What is taken of `ServerLimits.bufferedBytes`.
    public var bufferedBytes: Int { budget.used }
    var isIdle: Bool { all.allSatisfy(\.isIdle) }
}
