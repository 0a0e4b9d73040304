/// That a connection to the agent is for one SSH session: its id, and the key with which its host signed that id
/// (`session-bind@openssh.com`, OpenSSH's PROTOCOL.agent §1).
public struct SSHBinding: Sendable, Equatable {
    public let hostKey: SSHKey
    public let sessionID: [UInt8]
    /// Whether the agent is being forwarded to that host, and not used to log in there.
    public let isForwarding: Bool

    public init(hostKey: SSHKey, sessionID: [UInt8], isForwarding: Bool) {
        self.hostKey = hostKey
        self.sessionID = sessionID
        self.isForwarding = isForwarding
    }

    /// What a client sends.
    public struct Request: Sendable {
        public let binding: SSHBinding
        public let signature: SSHSignature

        init(_ reader: inout SSHReader) throws(SSHFormatError) {
            let key = try SSHKey(blob: try reader.string(atMost: SSHKey.limit))
            let session = Array(try reader.string(atMost: 256))
            guard !session.isEmpty else { throw SSHFormatError("a session's id is empty") }
            signature = try SSHSignature(try reader.string(atMost: 8192))
            binding = SSHBinding(hostKey: key, sessionID: session, isForwarding: try reader.boolean())
        }

        public init(_ binding: SSHBinding, _ signature: SSHSignature) {
            self.binding = binding
            self.signature = signature
        }

        /// Whether the host signed the session's id with its key.
        public var isSigned: Bool { signature.isValid(for: binding.sessionID, by: binding.hostKey.plain) }
    }
}

/// The sessions that one connection is bound to, from the first hop to the last.
public struct SSHBindings: Sendable, Equatable {
    /// The most hops, as in OpenSSH.
    public static let limit = 16

    public private(set) var all: [SSHBinding] = []
    /// Whether a binding was asked for, even if it was refused: from then on it is no local connection.
    public private(set) var wasAttempted = false

    public init() {}

    public var last: SSHBinding? { all.last }

    /// The key of the host that can use a log-in: the one that the log-in names, or else that of the last binding, if the
    /// log-in is of its session. A log-in of another session may be for any host.
    public func host(of login: SSHLogin) -> SSHKey? {
        if let named = login.hostKey { return named }
        guard let last, last.sessionID == login.sessionID else { return nil }
        return last.hostKey
    }

    /// Whether a remote host asks, or may ask, through a forwarded connection.
    public var areForwarded: Bool { all.contains { $0.isForwarding } || (wasAttempted && all.isEmpty) }

    /// A binding that could not be read: the connection counts as one that is bound, and to nothing.
    public mutating func noteAttempt() { wasAttempted = true }

    /// Binds the connection to one more session.
    /// - Throws: the rule that it breaks; then it is bound as before, and marked.
    public mutating func add(_ request: SSHBinding.Request) throws(SSHObstacle) {
        wasAttempted = true
        guard request.isSigned else { throw .badHostSignature }
        guard all.allSatisfy(\.isForwarding) else { throw .boundForLogin }
        guard !all.contains(where: { $0.sessionID == request.binding.sessionID }) else { throw .sessionBoundBefore }
        guard all.count < SSHBindings.limit else { throw .tooManyBindings }
        all.append(request.binding)
    }
}
