import DTASystem

/// What is known of the IPFS node.
package struct NodeHealth: Sendable {
    package enum State: String, Sendable {
        /// It was not asked yet.
        case unknown
        case up
        case away
    }

    /// As the configuration names it.
    package let endpoint: String
    package internal(set) var state = State.unknown
    /// Its version and its peer ID, as last heard.
    package internal(set) var version = ""
    package internal(set) var peer = ""
    /// Why it is away.
    package internal(set) var reason: DTAError?
    /// Blocks that wait to be published, as of the publisher's last look.
    package internal(set) var unfinished = 0
    /// Attempts to reach it that failed, one after the other.
    var failures = 0

    init(endpoint: String) { self.endpoint = endpoint }
}
