/// What is signed of a message in the format SSHSIG (OpenSSH's PROTOCOL.sshsig), as git and `ssh-keygen -Y sign` do.
public struct SSHSignedMessage: Sendable, Equatable {
    public enum Hash: String, Sendable, CaseIterable {
        case sha256, sha512

        var length: Int { self == .sha256 ? 32 : 64 }
    }

    /// What the signature is for: `git`, `file`, or another name.
    public let namespace: String
    public let hash: Hash
    /// The digest of the message.
    public let digest: [UInt8]

    static let magic = Array("SSHSIG".utf8)
    static let namespaceLimit = 1024

    public init(_ bytes: [UInt8]) throws(SSHFormatError) {
        guard bytes.starts(with: SSHSignedMessage.magic) else { throw SSHFormatError("it is no SSHSIG") }
        var reader = SSHReader(bytes.dropFirst(SSHSignedMessage.magic.count))
        namespace = try reader.text(atMost: SSHSignedMessage.namespaceLimit)
        guard !namespace.isEmpty else { throw SSHFormatError("the namespace is empty") }
        _ = try reader.string(atMost: 1024)  // reserved
        guard let hash = Hash(rawValue: try reader.text(atMost: 16)) else {
            throw SSHFormatError("the hash is neither sha256 nor sha512")
        }
        self.hash = hash
        digest = Array(try reader.string(atMost: 64))
        guard digest.count == hash.length else { throw SSHFormatError("the digest has another length than its hash") }
        try reader.finish()
    }
}
