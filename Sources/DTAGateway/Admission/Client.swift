/// A client as the gateway knows it. For the agent all clients are one user, the gateway's.
struct Client: Sendable, Equatable {
    enum Kind: Sendable, Equatable {
        /// Without authentication.
        case anybody
        case bearer(subject: String)
        /// Another gateway or a courier, by its certificate's SHA-256.
        case peer(String)
    }

    var kind: Kind
    /// Names or CIDs; nil: all identities that the gateway may use.
    var identities: [String]?

    /// The account of its rate.
    let account: RateLimiter.Account
}
