import DTASystem
import NIOCore

/// The connections that are open, counted by address: one host must not occupy them all. An address is read once, when
/// its connection is accepted: the kernel has none for a closed connection, and no address would look like a client of
/// a Unix socket.
final class Connections: Sendable {
    struct TooMany: Error {}

    private let perAddress: Int
    private let proxies: TrustedProxies
    fileprivate struct Open {
        var connections: [ObjectIdentifier: ClientConnection] = [:]
        /// The address under which each is counted; none for those that are not counted.
        var accounts: [ObjectIdentifier: String] = [:]
        var byPrefix: [String: Int] = [:]
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

    /// Counts a connection until it closes. A proxy connects for many clients: its own address is not counted, but its
    /// clients' are, if it tells them.
    /// - Parameter isLocal: whether it came over a Unix socket.
    /// - Returns: nil if its address has too many, or if it has closed.
    func open(_ channel: any Channel, isLocal: Bool) -> ClientConnection? {
        // Clients of a Unix socket have no address: the socket file's mode decides who can connect.
        guard let address = isLocal ? "" : channel.remoteAddress?.ipAddress else { return nil }
        let id = ObjectIdentifier(channel)
        let connection = ClientConnection(address: address)
        let isAccepted = open.withLock { open in
            guard isLocal || proxies.contains(address) || open.count(id, AddressPrefix.of(address), perAddress) else {
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
            return proxies.contains(address) || open.count(id, AddressPrefix.of(address), perAddress)
        }
    }
}

extension Connections.Open {
    fileprivate mutating func count(_ id: ObjectIdentifier, _ prefix: String, _ limit: Int) -> Bool {
        guard byPrefix[prefix, default: 0] < limit else { return false }
        byPrefix[prefix, default: 0] += 1
        accounts[id] = prefix
        return true
    }

    fileprivate mutating func forget(_ id: ObjectIdentifier) {
        connections[id] = nil
        guard let prefix = accounts.removeValue(forKey: id) else { return }
        let left = byPrefix[prefix, default: 1] - 1
        byPrefix[prefix] = left > 0 ? left : nil
    }
}
