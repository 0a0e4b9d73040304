import DTASystem

/// What is known of the IPFS node.
public struct NodeHealth: Sendable {
    public enum State: String, Sendable {
        /// It was not asked yet.
        case unknown
        case up
        case away
    }

    /// As the configuration names it.
    public let endpoint: String
    public internal(set) var state = State.unknown
    /// Its version and its peer ID, as last heard.
    public internal(set) var version = ""
    public internal(set) var peer = ""
    /// Why it is away.
    public internal(set) var reason: DTAError?
    /// Blocks that wait to be published, as of the publisher's last look.
    public internal(set) var unfinished = 0
    /// Attempts to reach it that failed, one after the other.
    var failures = 0

    init(endpoint: String) { self.endpoint = endpoint }
}
