import DTASystem
import NIOCore

/// The connections that are open, counted by address: one host must not occupy them all. An address is read once, when its
/// connection is accepted: of one that has closed meanwhile the kernel knows none any more, and no address would look like a
/// Unix socket's client.
final class Connections: Sendable {
    struct TooMany: Error {}

    private let perAddress: Int
    private struct Open {
        var addresses: [ObjectIdentifier: String] = [:]
        var byNeighbourhood: [String: Int] = [:]
    }

    private let open = Locked(Open())

    init(perAddress: Int) { self.perAddress = perAddress }

    var count: Int { open.withLock { $0.addresses.count } }

    /// The address of an open connection; "" where it came over a Unix socket; nil where it has closed.
    func address(of channel: any Channel) -> String? { open.withLock { $0.addresses[ObjectIdentifier(channel)] } }

    /// Counts a connection until it closes.
    /// - Parameter isLocal: whether it came over a Unix socket.
    /// - Returns: false where its address has too many, or it has none any more.
    func open(_ channel: any Channel, isLocal: Bool) -> Bool {
        // Clients of a Unix socket have no address: the file's mode says who they are.
        guard let address = isLocal ? "" : channel.remoteAddress?.ipAddress else { return false }
        let neighbourhood = Neighbourhood.of(address)
        let id = ObjectIdentifier(channel)
        let isAccepted = open.withLock { open in
            if !isLocal, open.byNeighbourhood[neighbourhood, default: 0] >= perAddress { return false }
            open.addresses[id] = address
            open.byNeighbourhood[neighbourhood, default: 0] += 1
            return true
        }
        guard isAccepted else { return false }
        channel.closeFuture.whenComplete { [open] _ in
            open.withLock { open in
                open.addresses[id] = nil
                let left = open.byNeighbourhood[neighbourhood, default: 1] - 1
                open.byNeighbourhood[neighbourhood] = left > 0 ? left : nil
            }
        }
        return true
    }
}
