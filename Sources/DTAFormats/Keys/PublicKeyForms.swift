import DTABytes
import FoundationEssentials

/// The forms of public keys for other programs.
extension PublicKey {
    /// SubjectPublicKeyInfo (RFC 5280 §4.1.2.7; RFC 8410 for Ed25519, RFC 5480 for the curves): what OpenSSL reads.
    public var spkiDER: [UInt8] { algorithm.spkiPrefix + raw }

    /// The same as text: `-----BEGIN PUBLIC KEY-----` (RFC 7468 §13), with a last line end.
    public var pem: String {
        let text = Base64.encode(spkiDER)
        var lines = ["-----BEGIN PUBLIC KEY-----"]
        var rest = text[...]
        while !rest.isEmpty {
            lines.append(String(rest.prefix(64)))
            rest = rest.dropFirst(64)
        }
        return (lines + ["-----END PUBLIC KEY-----", ""]).joined(separator: "\n")
    }

    /// Reads `pem`: this one block, and nothing around it.
    /// - Throws: `FormatError.malformed`.
    public init(pem text: String) throws {
        let lines = text.split(whereSeparator: \.isNewline).map(String.init)
        guard lines.count > 2, lines.first == "-----BEGIN PUBLIC KEY-----", lines.last == "-----END PUBLIC KEY-----",
            let der = Base64.decode(lines.dropFirst().dropLast().joined()), let key = try? PublicKey(spkiDER: der)
        else { throw FormatError(.malformed, "it holds no public key in PEM") }
        self = key
    }

    /// One line for authorized_keys and allowed_signers (RFC 4253 §6.6, RFC 5656 §3.1, RFC 8709 §4), without a line
    /// end.
    /// - Throws: `FormatError` for secp256k1, for which SSH has no form, and for a comment that is not one line.
    ///   RSA keys are called `ssh-rsa` whatever hash their signatures have (RFC 8332 §3).
    public func openSSH(comment: String = "") throws -> String {
        guard comment.unicodeScalars.allSatisfy({ $0.properties.generalCategory != .control }) else {
            throw FormatError(.invalidArgument, "the comment of an OpenSSH key is one line of text")
        }
        let name = try sshName
        let line = "\(name) \(Base64.encode(try sshBlob))"
        return comment.isEmpty ? line : "\(line) \(comment)"
    }

    /// The key as the SSH agent protocol carries it, without an outer length.
    /// - Throws: `FormatError` for secp256k1.
    public var sshBlob: [UInt8] {
        get throws {
            func string(_ bytes: [UInt8]) -> [UInt8] {
                UInt32(truncatingIfNeeded: bytes.count).bigEndianBytes + bytes
            }
            let name = try sshName
            if let modulus = rsaModulus {
                // mpint: both numbers' first bits are set, or the exponent's first byte is small.
                return string(Array(name.utf8)) + string(RSAPublicKeyForm.exponent) + string([0] + modulus)
            }
            var blob = string(Array(name.utf8))
            if algorithm != .ed25519 { blob += string(Array(name.utf8.suffix(8))) }
            return blob + string(raw)
        }
    }

    private var sshName: String {
        get throws {
            switch algorithm {
            case .ed25519: return "ssh-ed25519"
            case .p256: return "ecdsa-sha2-nistp256"
            case .p384: return "ecdsa-sha2-nistp384"
            case .rsa2048, .rsa3072, .rsa4096: return "ssh-rsa"
            case .secp256k1:
                throw FormatError(.invalidArgument, "SSH knows no secp256k1 keys, so there is no OpenSSH form")
            }
        }
    }

    /// Reads SubjectPublicKeyInfo as `spkiDER` writes it.
    /// - Throws: `FormatError` for other algorithms, compressed points and other encodings.
    public init(spkiDER der: [UInt8]) throws {
        for algorithm in Algorithm.allCases where der.starts(with: algorithm.spkiPrefix) {
            try self.init(algorithm, raw: Array(der.dropFirst(algorithm.spkiPrefix.count)))
            return
        }
        throw FormatError(
            .unsupported,
            "not a SubjectPublicKeyInfo of an ed25519 key, an uncompressed p256, p384 or secp256k1 one, or an RSA key of "
                + "2048, 3072 or 4096 bits with the exponent 65537")
    }
}

extension PublicKey.Algorithm {
    /// SubjectPublicKeyInfo up to the key: lengths are fixed for each algorithm, so all before the key is constant.
    fileprivate var spkiPrefix: [UInt8] {
        switch self {
        case .ed25519: [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00]
        case .p256:
            [0x30, 0x59, 0x30, 0x13] + PublicKey.Algorithm.ecPublicKey
                + [0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00]
        case .p384:
            [0x30, 0x76, 0x30, 0x10] + PublicKey.Algorithm.ecPublicKey
                + [0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22, 0x03, 0x62, 0x00]
        case .secp256k1:
            [0x30, 0x56, 0x30, 0x10] + PublicKey.Algorithm.ecPublicKey
                + [0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x0a, 0x03, 0x42, 0x00]
        case .rsa2048: RSAPublicKeyForm.spkiPrefix(modulusLength: 256)
        case .rsa3072: RSAPublicKeyForm.spkiPrefix(modulusLength: 384)
        case .rsa4096: RSAPublicKeyForm.spkiPrefix(modulusLength: 512)
        }
    }

    /// OID 1.2.840.10045.2.1.
    private static let ecPublicKey: [UInt8] = [0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01]
}
