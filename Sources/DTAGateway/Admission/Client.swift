/// The client that asks, as far as the gateway knows it. To the agent all clients are one user: the gateway's.
struct Client: Sendable, Equatable {
    enum Kind: Sendable, Equatable {
        /// The configuration asks for nothing.
        case anybody
        case bearer(subject: String)
        /// Another gateway or a courier, by its certificate's SHA-256.
        case peer(String)
    }

    var kind: Kind
    /// Names or CIDs; nil: whatever the gateway may do.
    var identities: [String]?

    /// What its rate is counted under.
    let account: RateLimiter.Account
}
