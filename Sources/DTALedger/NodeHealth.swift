import DTASystem

/// What is known about the IPFS node.
package struct NodeHealth: Sendable {
    /// Its address in the configuration.
    package let endpoint: String
    package internal(set) var state = NodeState.unknown
    /// Its version and its peer ID, as last heard.
    package internal(set) var version = ""
    package internal(set) var peer = ""
    /// Why it is away.
    package internal(set) var reason: DTAError?
    /// Blocks that wait to be published, as of the publisher's last look.
    package internal(set) var unfinished = 0
    /// Failed attempts to reach it, in a row.
    var failures = 0

    init(endpoint: String) { self.endpoint = endpoint }
}
