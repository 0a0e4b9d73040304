import DTABytes

/// A request of the SSH agent protocol (RFC 9987 §5), and OpenSSH's binding of a connection to a session.
public enum SSHAgentRequest: Sendable {
    case listIdentities
    /// `flags` choose the hash of RSA signatures.
    case sign(key: SSHKey, data: [UInt8], flags: UInt32)
    case removeIdentity(SSHKey)
    case removeAllIdentities
    /// A key, or a token's keys, are to be added. What is in the message is a secret, and is not read.
    case add
    /// A token's keys are to be removed.
    case removeToken
    case lock(SecretReference)
    case unlock(SecretReference)
    /// Which extensions there are.
    case query
    case bind(SSHBinding.Request)
    case unknownExtension
    case unknown(UInt8)

    /// The largest message, after its length, as in OpenSSH.
    public static let frameLimit = 256 << 10
    static let passphraseLimit = 1024

    /// Flags of a sign request (RFC 9987 §5.6.1).
    public static let rsaSHA256: UInt32 = 2
    public static let rsaSHA512: UInt32 = 4

    public static let bindName = "session-bind@openssh.com"
    /// The type of the messages of extensions.
    public static let extensionCode: UInt8 = 27

    private enum Code {
        static let listIdentities: UInt8 = 11
        static let sign: UInt8 = 13
        static let add: UInt8 = 17
        static let remove: UInt8 = 18
        static let removeAll: UInt8 = 19
        static let addToken: UInt8 = 20
        static let removeToken: UInt8 = 21
        static let lock: UInt8 = 22
        static let unlock: UInt8 = 23
        static let addConstrained: UInt8 = 25
        static let addTokenConstrained: UInt8 = 26
    }

    /// Reads a whole message before anything is done.
    /// - Parameter message: what follows the length: a type, and its contents. No copy of it stays.
    public init(_ message: SecretReference) throws(SSHFormatError) {
        var bytes = message.withBytes { bytes in bytes.indices.map { bytes[$0] } }
        defer { wipe(&bytes) }
        try self.init(bytes)
    }

    init(_ message: [UInt8]) throws(SSHFormatError) {
        var reader = SSHReader(message)
        let code = try reader.byte()
        switch code {
        case Code.listIdentities: self = .listIdentities
        case Code.sign:
            let key = try SSHKey(blob: try reader.string(atMost: SSHKey.limit))
            self = .sign(key: key, data: Array(try reader.string()), flags: try reader.uint32())
        case Code.remove: self = .removeIdentity(try SSHKey(blob: try reader.string(atMost: SSHKey.limit)))
        case Code.removeAll: self = .removeAllIdentities
        case Code.add, Code.addConstrained, Code.addToken, Code.addTokenConstrained:
            self = .add
            return
        case Code.removeToken:
            self = .removeToken
            return
        case Code.lock, Code.unlock:
            let text = try reader.string(atMost: SSHAgentRequest.passphraseLimit)
            let passphrase = SecretReference(Secret(copying: text.span))
            self = code == Code.lock ? .lock(passphrase) : .unlock(passphrase)
        case SSHAgentRequest.extensionCode:
            switch try reader.text(atMost: 256) {
            case "query": self = .query
            case SSHAgentRequest.bindName: self = .bind(try SSHBinding.Request(&reader))
            default:
                self = .unknownExtension
                return
            }
        default:
            self = .unknown(code)
            return
        }
        try reader.finish()
    }
}
