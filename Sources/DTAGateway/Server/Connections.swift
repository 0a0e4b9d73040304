import DTASystem
import NIOCore

/// The connections that are open, counted by address: one host must not occupy them all. An address is read once, when
/// its connection is accepted: of one that has closed meanwhile the kernel knows none any more, and no address would
/// look like a Unix socket's client.
final class Connections: Sendable {
    struct TooMany: Error {}

    private let perAddress: Int
    private let proxies: TrustedProxies
    fileprivate struct Open {
        var connections: [ObjectIdentifier: ClientConnection] = [:]
        /// The address under which each is counted; none for those that are not.
        var accounts: [ObjectIdentifier: String] = [:]
        var byNeighbourhood: [String: Int] = [:]
    }

    private let open = Locked(Open())

    init(perAddress: Int, proxies: TrustedProxies = TrustedProxies()) {
        self.perAddress = perAddress
        self.proxies = proxies
    }

    var count: Int { open.withLock { $0.connections.count } }

    /// An open connection; nil if it has closed.
    subscript(_ channel: any Channel) -> ClientConnection? {
        open.withLock { $0.connections[ObjectIdentifier(channel)] }
    }

    /// Counts a connection until it closes. A proxy stands for many clients: it is not counted, and its clients are, if
    /// it tells their addresses.
    /// - Parameter isLocal: whether it came over a Unix socket.
    /// - Returns: nil if its address has too many, or it has none any more.
    func open(_ channel: any Channel, isLocal: Bool) -> ClientConnection? {
        // Clients of a Unix socket have no address: the file's mode says who they are.
        guard let address = isLocal ? "" : channel.remoteAddress?.ipAddress else { return nil }
        let id = ObjectIdentifier(channel)
        let connection = ClientConnection(address: address)
        let isAccepted = open.withLock { open in
            guard isLocal || proxies.contains(address) || open.count(id, Neighbourhood.of(address), perAddress) else {
                return false
            }
            open.connections[id] = connection
            return true
        }
        guard isAccepted else { return nil }
        channel.closeFuture.whenComplete { [open] _ in open.withLock { $0.forget(id) } }
        return connection
    }

    /// Notes the client for which a proxy connects.
    /// - Returns: false if that address has too many connections already.
    func identify(_ channel: any Channel, as address: String) -> Bool {
        let id = ObjectIdentifier(channel)
        return open.withLock { open in
            guard let connection = open.connections[id] else { return false }
            connection.address = address
            return proxies.contains(address) || open.count(id, Neighbourhood.of(address), perAddress)
        }
    }
}

extension Connections.Open {
    fileprivate mutating func count(_ id: ObjectIdentifier, _ neighbourhood: String, _ limit: Int) -> Bool {
        guard byNeighbourhood[neighbourhood, default: 0] < limit else { return false }
        byNeighbourhood[neighbourhood, default: 0] += 1
        accounts[id] = neighbourhood
        return true
    }

    fileprivate mutating func forget(_ id: ObjectIdentifier) {
        connections[id] = nil
        guard let neighbourhood = accounts.removeValue(forKey: id) else { return }
        let left = byNeighbourhood[neighbourhood, default: 1] - 1
        byNeighbourhood[neighbourhood] = left > 0 ? left : nil
    }
}
