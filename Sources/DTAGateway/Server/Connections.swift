import DTASystem
import NIOCore

/// The connections that are open, counted by address: one host must not occupy them all.
final class Connections: Sendable {
    struct TooMany: Error {}

    private let perAddress: Int
    private let counts = Locked<(all: Int, byAddress: [String: Int])>((0, [:]))

    init(perAddress: Int) { self.perAddress = perAddress }

    var count: Int { counts.withLock { $0.all } }

    /// Counts a connection until it closes.
    /// - Returns: false where its address has too many.
    func open(_ channel: any Channel) -> Bool {
        // Clients of a Unix socket have no address: the file's mode says who they are.
        let address = channel.remoteAddress?.ipAddress ?? ""
        let isAccepted = counts.withLock { counts in
            if !address.isEmpty, counts.byAddress[address, default: 0] >= perAddress { return false }
            counts.all += 1
            counts.byAddress[address, default: 0] += 1
            return true
        }
        guard isAccepted else { return false }
        channel.closeFuture.whenComplete { [counts] _ in
            counts.withLock { counts in
                counts.all -= 1
                let left = counts.byAddress[address, default: 1] - 1
                counts.byAddress[address] = left > 0 ? left : nil
            }
        }
        return true
    }
}
