import DTABytes

/// A key that stands in a message: a plain one, or one with its certificate. Two are equal if their bytes are.
public struct SSHKey: Sendable, Hashable {
    public let blob: [UInt8]
    /// The key itself, or the key that the certificate is about.
    public let plain: SSHPublicKey
    /// nil: a plain key. Its signature is not verified.
    public let certificate: SSHCertificate?

    /// The largest blob of a key with its certificate.
    public static let limit = 64 << 10

    public init(blob: some Sequence<UInt8>) throws(SSHFormatError) {
        let bytes = Array(blob)
        var reader = SSHReader(bytes)
        if SSHCertificate.keyType(of: try reader.text(atMost: 64)) == nil {
            plain = try SSHPublicKey(blob: bytes)
            certificate = nil
            // One key has one form.
            guard plain.blob == bytes else { throw SSHFormatError("a key is not in its usual form") }
        } else {
            let certificate = try SSHCertificate(blob: bytes)
            plain = certificate.key
            self.certificate = certificate
        }
        self.blob = bytes
    }

    /// Reads a line of a `.pub` file: type, base64, comment.
    public init(line: String) throws(SSHFormatError) {
        let fields = line.split(separator: " ", maxSplits: 2, omittingEmptySubsequences: true)
        guard fields.count >= 2, line.utf8.count <= 2 * SSHKey.limit, let bytes = Base64.decode(fields[1]) else {
            throw SSHFormatError("it is no line of a key or a certificate: a type, base64, and perhaps a comment")
        }
        try self.init(blob: bytes)
        guard typeName == fields[0] else { throw SSHFormatError("the type is not that of the bytes") }
    }

    public init(_ plain: SSHPublicKey) {
        self.plain = plain
        certificate = nil
        blob = plain.blob
    }

    public var typeName: String { certificate?.typeName ?? plain.typeName }

    /// That of the plain key, as OpenSSH shows it for certificates too.
    public var fingerprint: String { plain.fingerprint }

    public static func == (one: SSHKey, other: SSHKey) -> Bool { one.blob == other.blob }

    public func hash(into hasher: inout Hasher) { hasher.combine(blob) }
}
