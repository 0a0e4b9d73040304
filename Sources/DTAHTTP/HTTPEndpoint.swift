import DTASystem

/// The other side of a connection.
public struct HTTPEndpoint: Sendable {
    /// The prefix of targets.
    public var base: String
    /// The Unix socket to connect to; nil: the host of `base`.
    public var socketPath: String?
    /// A PEM file with the authorities that may vouch for the other side; nil: those of this host.
    public var certificateAuthorities: String?
    /// PEM files of the certificate by which this side shows who it is, and of its key; nil: none.
    public var clientCertificate: String?
    public var clientKey: String?
    public var connectMilliseconds: Int
    /// The field User-Agent (RFC 9110).
    public var userAgent: String

    /// - Parameter suffix: a path between the address and the targets.
    public init(_ address: HTTPAddress, suffix: String = "", connectMilliseconds: Int, userAgent: String) {
        base = address.base + suffix
        if case .unix(let path) = address.transport { socketPath = path }
        self.connectMilliseconds = connectMilliseconds
        self.userAgent = userAgent
    }
}
