/// What a client signs to log in: SSH_MSG_USERAUTH_REQUEST with the method `publickey` (RFC 4252 §7), or
/// `publickey-hostbound-v00@openssh.com`, which names the host's key as well (OpenSSH's PROTOCOL §3.1).
public struct SSHLogin: Sendable, Equatable {
    public let sessionID: [UInt8]
    /// The user at the host.
    public let user: String
    /// The key of the host; nil for `publickey`.
    public let hostKey: SSHKey?
    /// The key that logs in, which may have its certificate.
    public let key: SSHKey
    /// The name of the signature's algorithm, as the request names it.
    public let algorithm: String

    static let userLimit = 1024
    static let requestCode: UInt8 = 50

    /// - Parameter key: the key that is to sign; a request that names another one is none.
    public init(_ bytes: [UInt8], by key: SSHPublicKey) throws(SSHFormatError) {
        var reader = SSHReader(bytes)
        sessionID = Array(try reader.string(atMost: 256))
        guard !sessionID.isEmpty else { throw SSHFormatError("a session's id is empty") }
        guard try reader.byte() == SSHLogin.requestCode else { throw SSHFormatError("it is no request to log in") }
        user = try reader.text(atMost: SSHLogin.userLimit)
        guard try reader.text(atMost: 64) == "ssh-connection" else {
            throw SSHFormatError("it asks for another service than ssh-connection")
        }
        let method = try reader.text(atMost: 64)
        guard try reader.boolean() else { throw SSHFormatError("it is a request without a signature") }
        algorithm = try reader.text(atMost: 64)
        self.key = try SSHKey(blob: try reader.string(atMost: SSHKey.limit))
        guard self.key.plain == key else { throw SSHFormatError("it names another key") }
        guard self.key.accepts(algorithm: algorithm) else { throw SSHFormatError("the key cannot sign like this") }
        switch method {
        case "publickey": hostKey = nil
        case "publickey-hostbound-v00@openssh.com": hostKey = try SSHKey(blob: try reader.string(atMost: SSHKey.limit))
        default: throw SSHFormatError("it logs in by another method than a public key")
        }
        try reader.finish()
    }
}

extension SSHKey {
    /// Whether a request to log in may name this algorithm for the key.
    fileprivate func accepts(algorithm: String) -> Bool {
        guard certificate != nil else { return plain.signatureNames.contains(algorithm) }
        guard let base = SSHCertificate.keyType(of: algorithm) else { return false }
        // OpenSSH also names rsa-sha2-… for a certificate of an RSA key.
        return plain.signatureNames.contains(base)
    }
}
