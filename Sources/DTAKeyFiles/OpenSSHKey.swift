import DTABytes
import DTAFormats

/// Private keys in OpenSSH's own form (PROTOCOL.key):
///
///     "openssh-key-v1" 00 ‖ cipher ‖ kdf ‖ kdf options ‖ number of keys (4) ‖ public key ‖ private part
///     private part: check (4) ‖ the same check ‖ type ‖ the type's fields ‖ comment ‖ 1, 2, 3, … up to a multiple of 8
enum OpenSSHKey {
    private static let magic = Array("openssh-key-v1".utf8) + [0]

    static func read(_ blob: borrowing Secret) throws -> TransportedKey {
        enum Content {
            case key(TransportedKey.Kind, Range<Int>)
            case rsa(n: Range<Int>, e: Range<Int>, d: Range<Int>, p: Range<Int>, q: Range<Int>)
        }
        let content = try blob.withBytes { bytes -> Content in
            guard bytes.count > magic.count, magic.indices.allSatisfy({ bytes[$0] == magic[$0] }) else { throw damaged }
            var outer = SSHReader(magic.count..<bytes.count)
            let cipher = try outer.word(bytes)
            let derivation = try outer.word(bytes)
            _ = try outer.string(bytes)
            guard cipher == "none", derivation == "none" else {
                throw FormatError(
                    .unsupported,
                    "it is encrypted (\(cipher), \(derivation)): D-TA has no bcrypt_pbkdf; ssh-keygen -p -N '' -f COPY "
                        + "takes the passphrase off a copy", word: "encrypted")
            }
            guard try outer.number(bytes) == 1 else {
                throw FormatError(.unsupported, "it has another number of keys than one")
            }
            _ = try outer.string(bytes)
            var key = SSHReader(try outer.string(bytes))
            try outer.end()
            guard try key.number(bytes) == key.number(bytes) else { throw damaged }
            let content: Content
            switch try key.word(bytes) {
            case "ssh-ed25519":
                let half = try key.string(bytes)
                let secret = try key.string(bytes)
                guard half.count == 32, secret.count == 64 else { throw damaged }
                content = .key(.ed25519, secret.lowerBound..<secret.lowerBound + 32)
            case "ecdsa-sha2-nistp256": content = .key(.p256, try scalar(&key, bytes))
            case "ecdsa-sha2-nistp384": content = .key(.p384, try scalar(&key, bytes))
            case "ssh-rsa":
                let (n, e, d) = (try key.positive(bytes), try key.positive(bytes), try key.positive(bytes))
                _ = try key.positive(bytes)
                content = .rsa(n: n, e: e, d: d, p: try key.positive(bytes), q: try key.positive(bytes))
            case let name where name.hasPrefix("sk-"):
                throw FormatError(.unsupported, "its key is in a FIDO token (\(name)), and not in this file")
            case let name:
                throw FormatError(
                    .unsupported,
                    "its key is of type \(name): there are ed25519, p256, p384, secp256k1 and RSA keys here")
            }
            _ = try key.string(bytes)
            guard key.rest.count < 256,
                key.rest.enumerated().allSatisfy({ bytes[$1] == UInt8(truncatingIfNeeded: $0 + 1) })
            else { throw damaged }
            return content
        }
        switch content {
        case .key(let kind, let place):
            guard place.count <= kind.byteCount else { throw damaged }
            return try TransportedKey(kind, ASN1Key.padded(blob, [(place, kind.byteCount)]))
        case .rsa(let n, let e, let d, let p, let q):
            return try ASN1Key.rsa(blob, modulus: n, exponent: e, private: d, primes: (p, q))
        }
    }

    /// The scalar of an ECDSA key, behind its curve and its point.
    private static func scalar(_ key: inout SSHReader, _ bytes: Span<UInt8>) throws -> Range<Int> {
        _ = try key.string(bytes)
        _ = try key.string(bytes)
        return try key.positive(bytes)
    }

    fileprivate static let damaged = FormatError(.malformed, "it is no OpenSSH private key: it is damaged or cut short")
}

/// Reads SSH's data types (RFC 4251 §5), by places.
private struct SSHReader {
    private(set) var rest: Range<Int>

    init(_ range: Range<Int>) { rest = range }

    mutating func number(_ bytes: Span<UInt8>) throws -> UInt32 {
        guard rest.count >= 4, rest.upperBound <= bytes.count else { throw OpenSSHKey.damaged }
        let value = (0..<4).reduce(UInt32(0)) { $0 << 8 | UInt32(bytes[rest.lowerBound + $1]) }
        rest = rest.lowerBound + 4..<rest.upperBound
        return value
    }

    mutating func string(_ bytes: Span<UInt8>) throws -> Range<Int> {
        let count = Int(try number(bytes))
        guard count <= rest.count else { throw OpenSSHKey.damaged }
        defer { rest = rest.lowerBound + count..<rest.upperBound }
        return rest.lowerBound..<rest.lowerBound + count
    }

    /// A string that is a name: harmless letters.
    mutating func word(_ bytes: Span<UInt8>) throws -> String {
        let letters = try string(bytes).prefix(65).map { bytes[$0] }
        guard (1...64).contains(letters.count), letters.allSatisfy({ (0x21...0x7e).contains($0) }) else {
            throw OpenSSHKey.damaged
        }
        return String(decoding: letters, as: UTF8.self)
    }

    /// An mpint that is not negative.
    /// - Returns: its digits, without the zero before them.
    mutating func positive(_ bytes: Span<UInt8>) throws -> Range<Int> {
        let digits = try string(bytes)
        guard let first = digits.first else { return digits }
        guard bytes[first] < 0x80 else { throw OpenSSHKey.damaged }
        guard bytes[first] == 0 else { return digits }
        guard digits.count > 1, bytes[first + 1] >= 0x80 else { throw OpenSSHKey.damaged }
        return first + 1..<digits.upperBound
    }

    func end() throws {
        guard rest.isEmpty else { throw OpenSSHKey.damaged }
    }
}
