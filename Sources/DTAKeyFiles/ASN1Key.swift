import DTABytes
import DTAFormats

/// Private keys in DER.
enum ASN1Key {
    /// Tells the forms apart by what comes first in their SEQUENCE.
    static func read(_ der: borrowing Secret) throws -> TransportedKey {
        enum Form { case pkcs8, pkcs1, sec1 }
        let form = try der.withBytes { bytes -> Form in
            var outer = DERReader(0..<bytes.count)
            var reader = DERReader(try outer.take(DERReader.Tag.sequence, bytes))
            if reader.tag(bytes) == DERReader.Tag.sequence {
                _ = try reader.take(DERReader.Tag.sequence, bytes)
                switch reader.tag(bytes) {
                case DERReader.Tag.octetString:
                    throw FormatError(
                        .unsupported, "it is encrypted (PKCS#8): openssl pkey -in FILE decrypts it", word: "encrypted")
                case DERReader.Tag.bitString: throw FormatError(.unsupported, "it holds a public key only")
                default: throw FormatError(.unsupported, "it is DER, but of no private key")
                }
            }
            _ = try reader.takeNumber(bytes)
            switch reader.tag(bytes) {
            case DERReader.Tag.sequence: return .pkcs8
            case DERReader.Tag.integer: return .pkcs1
            case DERReader.Tag.octetString: return .sec1
            default: throw FormatError(.unsupported, "it is DER, but of no private key")
            }
        }
        switch form {
        case .pkcs8: return try pkcs8(der)
        case .pkcs1: return try pkcs1(der)
        case .sec1: return try sec1(der)
        }
    }

    /// PrivateKeyInfo, or OneAsymmetricKey (RFC 5958).
    static func pkcs8(_ der: borrowing Secret) throws -> TransportedKey {
        enum Content {
            case seed(Range<Int>)
            case sec1(Range<Int>, TransportedKey.Kind)
            case pkcs1(Range<Int>)
        }
        let content = try der.withBytes { bytes -> Content in
            var outer = DERReader(0..<bytes.count)
            var reader = DERReader(try outer.take(DERReader.Tag.sequence, bytes))
            try outer.end()
            let version = try reader.takeNumber(bytes)
            guard version.isEmpty || (version.count == 1 && bytes[version.lowerBound] == 1) else {
                throw DERReader.malformed
            }
            var algorithm = DERReader(try reader.take(DERReader.Tag.sequence, bytes))
            let name = try ObjectIdentifier(algorithm.take(DERReader.Tag.objectIdentifier, bytes), bytes)
            let key = try reader.take(DERReader.Tag.octetString, bytes)
            // Attributes and the public half may follow: neither is needed.
            switch name {
            case .ed25519:
                try algorithm.end()
                var inner = DERReader(key)
                let seed = try inner.take(DERReader.Tag.octetString, bytes)
                try inner.end()
                return .seed(seed)
            case .ecPublicKey:
                let curve = try ObjectIdentifier(algorithm.take(DERReader.Tag.objectIdentifier, bytes), bytes)
                try algorithm.end()
                return .sec1(key, try curve.kind)
            case .rsaEncryption: return .pkcs1(key)
            default: throw name.refusal
            }
        }
        switch content {
        case .seed(let range):
            guard range.count == 32 else { throw FormatError(.malformed, "an Ed25519 key has 32 bytes") }
            return try TransportedKey(.ed25519, copy(der, range))
        case .sec1(let range, let kind): return try sec1(copy(der, range), kind)
        case .pkcs1(let range): return try pkcs1(copy(der, range))
        }
    }

    /// ECPrivateKey (RFC 5915).
    /// - Parameter named: the curve that stands elsewhere; nil: it must stand here.
    static func sec1(_ der: borrowing Secret, _ named: TransportedKey.Kind? = nil) throws -> TransportedKey {
        let (kind, scalar) = try der.withBytes { bytes -> (TransportedKey.Kind, Range<Int>) in
            var outer = DERReader(0..<bytes.count)
            var reader = DERReader(try outer.take(DERReader.Tag.sequence, bytes))
            try outer.end()
            let version = try reader.takeNumber(bytes)
            guard version.count == 1, bytes[version.lowerBound] == 1 else { throw DERReader.malformed }
            let scalar = try reader.take(DERReader.Tag.octetString, bytes)
            var kind = named
            if reader.tag(bytes) == DERReader.Tag.explicit(0) {
                var parameters = DERReader(try reader.take(DERReader.Tag.explicit(0), bytes))
                guard parameters.tag(bytes) == DERReader.Tag.objectIdentifier else {
                    throw FormatError(.unsupported, "its curve is written by parameters, and not by name")
                }
                let curve = try ObjectIdentifier(parameters.take(DERReader.Tag.objectIdentifier, bytes), bytes)
                guard try named == nil || curve.kind == named else { throw DERReader.malformed }
                kind = try curve.kind
            }
            guard let kind else { throw FormatError(.unsupported, "it does not say on which curve its key is") }
            return (kind, scalar)
        }
        // Some programs write the number without the zeros before it.
        guard scalar.count <= kind.byteCount else { throw DERReader.malformed }
        return try TransportedKey(kind, padded(der, [(scalar, kind.byteCount)]))
    }

    /// RSAPrivateKey (RFC 8017 §A.1.2).
    static func pkcs1(_ der: borrowing Secret) throws -> TransportedKey {
        let places = try der.withBytes { try RSAPrivateNumbers.places($0) }
        return try rsa(der, modulus: places[0], exponent: places[1], private: places[2], primes: (places[3], places[4]))
    }

    /// An RSA key by the places of its numbers, big-endian and without zeros before them.
    static func rsa(
        _ text: borrowing Secret, modulus: Range<Int>, exponent: Range<Int>, private d: Range<Int>,
        primes: (Range<Int>, Range<Int>)
    ) throws -> TransportedKey {
        let bits = text.withBytes { bytes in
            modulus.first.map { 8 * modulus.count - bytes[$0].leadingZeroBitCount } ?? 0
        }
        guard
            let kind = TransportedKey.Kind.allCases.first(where: { kind in
                kind.algorithm?.modulusLength.map { 8 * $0 == bits } ?? false
            })
        else {
            throw FormatError(
                .unsupported,
                bits < 2048
                    ? "an RSA key of \(bits) bits is too weak: it needs 2048 at least"
                    : "RSA keys have 2048, 3072 or 4096 bits here, not \(bits)", word: bits < 2048 ? "weak" : nil)
        }
        let isUsual = text.withBytes { bytes in exponent.map { bytes[$0] } == [0x01, 0x00, 0x01] }
        guard isUsual else { throw FormatError(.unsupported, "RSA keys have the public exponent 65537 here") }
        let length = kind.byteCount / 3
        guard d.count <= length, primes.0.count == length / 2, primes.1.count == length / 2 else {
            throw FormatError(.malformed, "it is no RSA private key: its primes are not half as long as its modulus")
        }
        let parts = [(modulus, length), (d, length), (primes.0, length / 2), (primes.1, length / 2)]
        return try TransportedKey(kind, padded(text, parts))
    }

    /// Parts of a secret, each with zeros before it up to its length.
    static func padded(_ text: borrowing Secret, _ parts: [(Range<Int>, Int)]) -> Secret {
        text.withBytes { bytes in
            unsafe Secret(count: parts.reduce(0) { $0 + $1.1 }) { room in
                var end = 0
                for (range, length) in parts {
                    end += length
                    for (offset, index) in range.reversed().enumerated() {
                        unsafe room[end - 1 - offset] = bytes[index]
                    }
                }
            }
        }
    }

    private static func copy(_ text: borrowing Secret, _ range: Range<Int>) -> Secret {
        text.withBytes { Secret(copying: $0.extracting(range)) }
    }
}

/// The names of algorithms and curves in keys.
private enum ObjectIdentifier: Equatable {
    case ed25519, ecPublicKey, rsaEncryption
    case curve(TransportedKey.Kind)
    case other(String)

    init(_ place: Range<Int>, _ bytes: Span<UInt8>) {
        let der = place.map { bytes[$0] }
        switch der {
        case [0x2b, 0x65, 0x70]: self = .ed25519
        case [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01]: self = .ecPublicKey
        case [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01]: self = .rsaEncryption
        case [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07]: self = .curve(.p256)
        case [0x2b, 0x81, 0x04, 0x00, 0x22]: self = .curve(.p384)
        case [0x2b, 0x81, 0x04, 0x00, 0x0a]: self = .curve(.secp256k1)
        default: self = .other(ObjectIdentifier.known[der] ?? "of an unknown kind")
        }
    }

    /// Kinds that people have, and D-TA does not.
    private static let known: [[UInt8]: String] = [
        [0x2b, 0x81, 0x04, 0x00, 0x23]: "on the curve P-521",
        [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x01]: "on the curve P-192",
        [0x2b, 0x81, 0x04, 0x00, 0x21]: "on the curve P-224",
        [0x2b, 0x65, 0x6e]: "of type X25519", [0x2b, 0x65, 0x6f]: "of type X448", [0x2b, 0x65, 0x71]: "of type Ed448",
        [0x2a, 0x86, 0x48, 0xce, 0x38, 0x04, 0x01]: "of type DSA",
        [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0a]: "of type RSASSA-PSS",
    ]

    /// The type of a curve's keys.
    var kind: TransportedKey.Kind {
        get throws {
            guard case .curve(let kind) = self else { throw refusal }
            return kind
        }
    }

    var refusal: FormatError {
        let what =
            switch self {
            case .other(let words): words
            case .ed25519, .ecPublicKey, .rsaEncryption, .curve: "of a kind that has no place here"
            }
        return FormatError(
            .unsupported, "its key is \(what): there are ed25519, p256, p384, secp256k1 and RSA keys here")
    }
}
