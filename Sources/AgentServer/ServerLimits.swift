/// Bounds on what one user may occupy, and on what all users may occupy together.
public struct ServerLimits: Sendable {
    public var connectionsPerUser = 256
    /// Of all users together: each takes a descriptor.
    public var connections = 4096
    public var requestsPerConnection = 64
    public var requestsPerUser = 1024
    /// The bytes of a user's requests in flight.
    public var requestBytesPerUser = 64 << 20
    /// The bytes that a user's connections have sent and no worker has taken yet.
    public var heldBytesPerUser = 64 << 20
    /// The bytes of answers that a user's connections have not read yet.
    public var unreadBytesPerUser = 64 << 20
    /// The bytes of unread answers beyond which a connection is closed.
    public var unreadBytesPerConnection = 16 << 20
    /// The three above, of all users together, in bytes.
    public var bufferedBytes = 256 << 20
    /// Requests a second that need no HSM, of all users together. One that is refused counts as `Pace.refusalPrice`.
    public var requestsPerSecond = 10_000
    /// How long half a frame, or an answer that is not read, is waited for.
    public var stallNanoseconds: UInt64 = 10_000_000_000
    /// How long it may take to find out who connected.
    public var introductionNanoseconds: UInt64 = 10_000_000_000

    /// The last places, which are for root and for users who have no connection yet.
    var reservedConnections: Int { max(1, connections / 16) }

    public init() {}
}
