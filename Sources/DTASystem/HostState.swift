/// `state` of STATUS: whether requests that need the HSM can be done.
public enum AgentState: String, Sendable {
    case ready, unavailable
}

/// `ipfs.state` of STATUS: how the IPFS node is.
public enum NodeState: String, Sendable {
    /// It was not asked yet.
    case unknown
    case up
    case away
}
