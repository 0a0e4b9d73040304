import Crypto
import DTABytes

/// A public key of SSH, without a certificate.
public enum SSHPublicKey: Sendable, Hashable {
    public enum Curve: String, Sendable, CaseIterable {
        case nistp256, nistp384, nistp521

        /// Bytes of a coordinate.
        var size: Int {
            switch self {
            case .nistp256: 32
            case .nistp384: 48
            case .nistp521: 66
            }
        }
    }

    /// 32 bytes (RFC 8709 §4).
    case ed25519([UInt8])
    /// An uncompressed point, 04 ‖ x ‖ y (RFC 5656 §3.1).
    case ecdsa(Curve, [UInt8])
    /// Exponent and modulus, the most significant byte first, without zeros before it (RFC 4253 §6.6).
    case rsa(exponent: [UInt8], modulus: [UInt8])

    /// The largest modulus in bytes: 16,384 bits, as in OpenSSH.
    static let modulusLimit = 2048
    static let exponentLimit = 8

    /// The name of its type.
    public var typeName: String {
        switch self {
        case .ed25519: "ssh-ed25519"
        case .ecdsa(let curve, _): "ecdsa-sha2-\(curve.rawValue)"
        case .rsa: "ssh-rsa"
        }
    }

    /// The names of the signatures that it can make and that are accepted here: never ssh-rsa, which is SHA-1.
    public var signatureNames: [String] {
        if case .rsa = self { return ["rsa-sha2-512", "rsa-sha2-256"] }
        return [typeName]
    }

    /// Reads a blob as `blob` writes it.
    /// - Throws: `SSHFormatError`, also for types that are not known here.
    public init(blob: some Sequence<UInt8>) throws(SSHFormatError) {
        var reader = SSHReader(Array(blob))
        let type = try reader.text(atMost: 64)
        self = try SSHPublicKey(type: type, &reader)
        try reader.finish()
    }

    /// Reads what follows the name of a key's type, in keys and in certificates.
    init(type: String, _ reader: inout SSHReader) throws(SSHFormatError) {
        switch type {
        case "ssh-ed25519":
            let bytes = try reader.string(atMost: 32)
            guard bytes.count == 32 else { throw SSHFormatError("an Ed25519 key has 32 bytes, not \(bytes.count)") }
            self = .ed25519(Array(bytes))
        case "ssh-rsa":
            let exponent = try reader.positiveNumber(atMost: SSHPublicKey.exponentLimit)
            self = .rsa(exponent: exponent, modulus: try reader.positiveNumber(atMost: SSHPublicKey.modulusLimit))
        default:
            guard let curve = Curve.allCases.first(where: { type == "ecdsa-sha2-\($0.rawValue)" }) else {
                throw SSHFormatError("it is a key of a type that is not known here")
            }
            guard try reader.text(atMost: 16) == curve.rawValue else {
                throw SSHFormatError("the curve of a key is not that of its type")
            }
            let point = try reader.string(atMost: 1 + 2 * curve.size)
            guard point.count == 1 + 2 * curve.size, point.first == 4 else {
                throw SSHFormatError("it is no uncompressed point of \(curve.rawValue)")
            }
            self = .ecdsa(curve, Array(point))
        }
    }

    /// The key as SSH and its agents carry it, without an outer length.
    public var blob: [UInt8] {
        var writer = SSHWriter()
        writer.string(typeName)
        write(to: &writer)
        return writer.bytes
    }

    func write(to writer: inout SSHWriter) {
        switch self {
        case .ed25519(let bytes): writer.string(bytes)
        case .ecdsa(let curve, let point):
            writer.string(curve.rawValue)
            writer.string(point)
        case .rsa(let exponent, let modulus):
            writer.number(exponent)
            writer.number(modulus)
        }
    }

    /// As OpenSSH shows it: `SHA256:` and base64 without padding.
    public var fingerprint: String { SSHPublicKey.fingerprint(of: blob) }

    static func fingerprint(of blob: [UInt8]) -> String {
        "SHA256:" + Base64.encode(Array(SHA256.hash(data: blob))).prefix { $0 != "=" }
    }

    /// Reads a line of `authorized_keys`, `.pub` files or `known_hosts` without its options: type, base64, comment.
    /// - Returns: also the comment.
    public static func line(_ text: String) throws(SSHFormatError) -> (key: SSHPublicKey, comment: String) {
        let fields = text.split(separator: " ", maxSplits: 2, omittingEmptySubsequences: true)
        guard fields.count >= 2, text.utf8.count <= 16_384, let blob = Base64.decode(fields[1]) else {
            throw SSHFormatError("it is no line of a public key: a type, base64, and perhaps a comment")
        }
        let key = try SSHPublicKey(blob: blob)
        guard key.typeName == fields[0] else { throw SSHFormatError("the type of a key is not that of its bytes") }
        return (key, fields.count > 2 ? String(fields[2]) : "")
    }
}
