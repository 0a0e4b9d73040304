/// How far a block is on its way to the IPFS node.
public enum PublicationState: String, Sendable, CaseIterable {
    /// The node has not got it yet.
    case waiting
    /// The node has it, and may drop it: it is not pinned yet.
    case stored
    /// The node has it and has pinned it.
    case published
    /// It came from the node, which is not asked to keep it.
    case fetched
}
