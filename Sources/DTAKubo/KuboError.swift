import DTASystem

/// Why a call to an IPFS node failed, and what that says about its block.
public struct KuboError: Error, Sendable, CustomStringConvertible {
    public enum Kind: Sendable {
        /// The node is away, hangs, refuses all clients or does not speak Kubo's RPC: this says nothing about the
        /// block.
        case unreachable
        /// The node refused this one call, or failed at it.
        case refused
        /// No host that the node reaches gave it the block in time.
        case notFound
        /// The node answered with bytes of another block.
        case wrongBlock
        /// The agent is stopping.
        case stopped
    }

    public let kind: Kind
    /// A sentence for people.
    public let error: DTAError

    init(_ kind: Kind, _ error: DTAError) {
        self.kind = kind
        self.error = error
    }

    public var description: String { error.description }
}
