/// A certificate of OpenSSH (its PROTOCOL.certkeys), or what an authority is asked to sign for one.
public struct SSHCertificate: Sendable, Equatable {
    public enum Kind: UInt32, Sendable {
        case user = 1
        case host = 2

        public var name: String { self == .user ? "user" : "host" }
    }

    /// A critical option or an extension.
    public struct Option: Sendable, Equatable {
        public let name: String
        public let content: [UInt8]
    }

    /// The most names of one certificate, as in OpenSSH.
    public static let principalLimit = 256
    public static let optionLimit = 64
    /// Bytes of one name, and of a key's id.
    static let textLimit = 1024

    /// The key that is certified.
    public let key: SSHPublicKey
    public let serial: UInt64
    public let kind: Kind
    public let keyID: String
    /// The users or hosts for which it holds; none: all.
    public let principals: [String]
    /// Unix seconds: from then on, and before then.
    public let validAfter: UInt64
    public let validBefore: UInt64
    public let criticalOptions: [Option]
    public let extensions: [Option]
    /// The key that signs, or signed, it.
    public let authority: SSHPublicKey
    /// All that is signed.
    public let signedBytes: [UInt8]
    /// nil: it is not signed yet.
    public let signature: SSHSignature?

    static let suffix = "-cert-v01@openssh.com"

    /// The name of its type: that of its key, and `-cert-v01@openssh.com`.
    public var typeName: String { key.typeName + SSHCertificate.suffix }

    /// The name of a key's type in the name of a certificate's; nil if it is none.
    static func keyType(of name: String) -> String? {
        name.hasSuffix(suffix) ? String(name.dropLast(suffix.count)) : nil
    }

    /// Reads a certificate that is signed. The signature is read, and not verified.
    public init(blob: [UInt8]) throws(SSHFormatError) { try self.init(blob, isSigned: true) }

    /// Reads what an authority is asked to sign.
    public init(toBeSigned bytes: [UInt8]) throws(SSHFormatError) { try self.init(bytes, isSigned: false) }

    private init(_ bytes: [UInt8], isSigned: Bool) throws(SSHFormatError) {
        var reader = SSHReader(bytes)
        guard let type = SSHCertificate.keyType(of: try reader.text(atMost: 64)) else {
            throw SSHFormatError("it is no certificate")
        }
        _ = try reader.string(atMost: 64)  // the nonce
        key = try SSHPublicKey(type: type, &reader)
        serial = try reader.uint64()
        guard let kind = Kind(rawValue: try reader.uint32()) else {
            throw SSHFormatError("a certificate is for users or hosts")
        }
        self.kind = kind
        keyID = try reader.text(atMost: SSHCertificate.textLimit)
        principals = try SSHCertificate.principals(SSHReader(try reader.string()))
        validAfter = try reader.uint64()
        validBefore = try reader.uint64()
        criticalOptions = try SSHCertificate.options(SSHReader(try reader.string()))
        extensions = try SSHCertificate.options(SSHReader(try reader.string()))
        _ = try reader.string(atMost: 64)  // reserved
        authority = try SSHPublicKey(blob: try reader.string(atMost: 8192))
        signedBytes = Array(bytes.dropLast(reader.count))
        signature = isSigned ? try SSHSignature(try reader.string(atMost: 8192)) : nil
        try reader.finish()
    }

    private static func principals(_ bytes: SSHReader) throws(SSHFormatError) -> [String] {
        var (reader, names): (SSHReader, [String]) = (bytes, [])
        while !reader.isAtEnd {
            guard names.count < principalLimit else {
                throw SSHFormatError("a certificate has more than \(principalLimit) names")
            }
            let name = try reader.text(atMost: textLimit)
            guard !name.isEmpty else { throw SSHFormatError("a name in a certificate is empty") }
            names.append(name)
        }
        return names
    }

    /// Names ascend, so no option stands there twice.
    private static func options(_ bytes: SSHReader) throws(SSHFormatError) -> [Option] {
        var (reader, options): (SSHReader, [Option]) = (bytes, [])
        while !reader.isAtEnd {
            guard options.count < optionLimit else {
                throw SSHFormatError("a certificate has more than \(optionLimit) options")
            }
            let name = try reader.text(atMost: textLimit)
            if let last = options.last, !last.name.utf8.lexicographicallyPrecedes(name.utf8) {
                throw SSHFormatError("the options of a certificate are not in their order")
            }
            options.append(Option(name: name, content: Array(try reader.string())))
        }
        return options
    }

    /// Whether its authority signed it.
    public var isSigned: Bool { signature?.isValid(for: signedBytes, by: authority) ?? false }

    /// Whether it vouches for a host of this name: signed, for hosts, in its time, for that name or for all, and
    /// without an option, of which hosts have none.
    /// - Parameter now: Unix seconds.
    public func vouches(forHost name: String, now: UInt64) -> Bool {
        kind == .host && validAfter <= now && now < validBefore && criticalOptions.isEmpty
            && (principals.isEmpty || principals.contains { SSHPattern.matches(name, $0) }) && isSigned
    }
}
