import Crypto
import CryptoExtras
import FoundationEssentials

/// How an RSA key signs: a padding and a hash (RFC 8017 §8). The numbers are those of the agent protocol and of custody.
///
/// PSS has MGF1 with the same hash, and a salt as long as the digest.
public enum RSAScheme: UInt8, Sendable, CaseIterable, CustomStringConvertible {
    case pkcs1SHA256 = 1
    case pkcs1SHA384 = 2
    case pkcs1SHA512 = 3
    case pssSHA256 = 4
    case pssSHA384 = 5
    case pssSHA512 = 6

    /// As people write it, such as `pkcs1-sha256`.
    public var name: String {
        switch self {
        case .pkcs1SHA256: "pkcs1-sha256"
        case .pkcs1SHA384: "pkcs1-sha384"
        case .pkcs1SHA512: "pkcs1-sha512"
        case .pssSHA256: "pss-sha256"
        case .pssSHA384: "pss-sha384"
        case .pssSHA512: "pss-sha512"
        }
    }

    public var description: String { name }

    public init?(name: String) {
        guard let scheme = RSAScheme.allCases.first(where: { $0.name == name }) else { return nil }
        self = scheme
    }

    /// Whether the padding is PSS, and not that of PKCS#1 v1.5.
    public var isPSS: Bool { rawValue >= RSAScheme.pssSHA256.rawValue }

    /// The bytes of the digest that is signed: 32, 48 or 64.
    public var digestLength: Int {
        switch self {
        case .pkcs1SHA256, .pssSHA256: 32
        case .pkcs1SHA384, .pssSHA384: 48
        case .pkcs1SHA512, .pssSHA512: 64
        }
    }

    /// What is signed of a message.
    public func digest(of message: [UInt8]) -> [UInt8] {
        switch self {
        case .pkcs1SHA256, .pssSHA256: Array(SHA256.hash(data: message))
        case .pkcs1SHA384, .pssSHA384: Array(SHA384.hash(data: message))
        case .pkcs1SHA512, .pssSHA512: Array(SHA512.hash(data: message))
        }
    }

    /// DigestInfo in DER (RFC 8017 §9.2, note 1): what PKCS#1 v1.5 pads.
    /// - Parameter digest: of ``digestLength`` bytes.
    public func digestInfo(_ digest: [UInt8]) -> [UInt8] {
        // SEQUENCE { AlgorithmIdentifier { 2.16.840.1.101.3.4.2.N, NULL }, OCTET STRING }
        let last: UInt8 = digestLength == 32 ? 1 : digestLength == 48 ? 2 : 3
        let size = UInt8(truncatingIfNeeded: digestLength)
        return [
            0x30, 17 + size, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, last, 0x05, 0x00,
        ]
            + [0x04, size] + digest
    }
}

extension PublicKey {
    /// Whether `signature` is one of a digest by an RSA key and a scheme.
    /// - Parameter signature: as long as the modulus.
    /// - Parameter digest: of the length that the scheme's hash has.
    /// - Throws: `FormatError` for a key that is no RSA key, and for a digest or a signature of another length.
    public func isValid(signature: [UInt8], digest: [UInt8], scheme: RSAScheme) throws -> Bool {
        guard let length = algorithm.modulusLength, let modulus = rsaModulus else {
            throw FormatError(.invalidArgument, "\(algorithm) keys sign without a scheme")
        }
        guard digest.count == scheme.digestLength else {
            throw FormatError(
                .invalidArgument, "\(scheme) signs digests of \(scheme.digestLength) bytes, not of \(digest.count)")
        }
        guard signature.count == length else {
            throw FormatError(.malformed, "an \(algorithm) signature has \(length) bytes, not \(signature.count)")
        }
        let key: _RSA.Signing.PublicKey
        do {
            key = try _RSA.Signing.PublicKey(n: modulus, e: RSAPublicKeyForm.exponent)
        } catch {
            throw FormatError(.malformed, "not the public half of an \(algorithm) key")
        }
        let padding: _RSA.Signing.Padding = scheme.isPSS ? .PSS : .insecurePKCS1v1_5
        let given = _RSA.Signing.RSASignature(rawRepresentation: signature)
        switch scheme {
        case .pkcs1SHA256, .pssSHA256:
            return key.isValidSignature(given, for: try Self.digest(digest, SHA256.self), padding: padding)
        case .pkcs1SHA384, .pssSHA384:
            return key.isValidSignature(given, for: try Self.digest(digest, SHA384.self), padding: padding)
        case .pkcs1SHA512, .pssSHA512:
            return key.isValidSignature(given, for: try Self.digest(digest, SHA512.self), padding: padding)
        }
    }

    /// A digest that was made elsewhere, as swift-crypto's type of it, by which `_RSA` tells the hash. That type has no
    /// initializer for others, and consists of the digest's bytes, which this checks.
    private static func digest<Hash: HashFunction>(_ bytes: [UInt8], _: Hash.Type) throws -> Hash.Digest {
        var digest = Hash.hash(data: [UInt8]())
        if MemoryLayout<Hash.Digest>.size == bytes.count {
            unsafe withUnsafeMutableBytes(of: &digest) { unsafe $0.copyBytes(from: bytes) }
        }
        guard Array(digest) == bytes else {
            throw FormatError(.unsupported, "this release of swift-crypto has other digests")
        }
        return digest
    }
}
