import Crypto

/// The public half of a key that signs: a user's, or an identity's.
public struct PublicKey: Hashable, Sendable {
    public enum Algorithm: String, Sendable, CaseIterable, CustomStringConvertible {
        case ed25519, p256, p384, secp256k1
        case rsa2048, rsa3072, rsa4096

        public var description: String { rawValue }

        /// The digest that ECDSA signs: SHA-256, for P-384 SHA-384; `nil` for Ed25519, which signs the message itself,
        /// and for RSA, whose ``RSAScheme`` names the hash.
        public var digestLength: Int? {
            switch self {
            case .ed25519, .rsa2048, .rsa3072, .rsa4096: nil
            case .p256, .secp256k1: 32
            case .p384: 48
            }
        }

        /// The bytes of an RSA key's modulus, and so of its signatures and ciphertexts; `nil` for the others.
        public var modulusLength: Int? {
            switch self {
            case .rsa2048: 256
            case .rsa3072: 384
            case .rsa4096: 512
            case .ed25519, .p256, .p384, .secp256k1: nil
            }
        }

        /// Whether it signs by a ``RSAScheme``.
        public var isRSA: Bool { modulusLength != nil }

        var order: CurveOrder? {
            switch self {
            case .ed25519, .rsa2048, .rsa3072, .rsa4096: nil
            case .p256: .p256
            case .p384: .p384
            case .secp256k1: .secp256k1
            }
        }
    }

    public let algorithm: Algorithm
    /// 32 bytes (Ed25519, RFC 8032), the uncompressed point 04 ‖ x ‖ y (SEC 1 §2.3.3), or an RSAPublicKey in DER
    /// (RFC 8017 §A.1.1) with the exponent 65537.
    public let raw: [UInt8]

    /// - Throws: `FormatError` for a wrong length, for what is not a point of the curve, and for an RSA key of another
    ///   exponent or with a modulus that cannot be one.
    public init(_ algorithm: Algorithm, raw: [UInt8]) throws {
        self.algorithm = algorithm
        self.raw = raw
        switch algorithm {
        case .ed25519: try Ed25519Point.check(raw)
        case .p256: _ = try p256()
        case .p384: _ = try p384()
        case .secp256k1: try Secp256k1.check(raw)
        case .rsa2048, .rsa3072, .rsa4096: _ = try RSAPublicKeyForm.modulus(of: raw, algorithm)
        }
    }

    /// What ECDSA with this algorithm signs of a message; the message itself for Ed25519. For RSA it is the message
    /// too: ``RSAScheme/digest(of:)`` hashes it.
    public static func input(for message: [UInt8], algorithm: Algorithm) -> [UInt8] {
        switch algorithm {
        case .ed25519, .rsa2048, .rsa3072, .rsa4096: message
        case .p256, .secp256k1: unsafe SHA256.hash(data: message).withUnsafeBytes { unsafe [UInt8]($0) }
        case .p384: unsafe SHA384.hash(data: message).withUnsafeBytes { unsafe [UInt8]($0) }
        }
    }

    /// Whether `signature` is one of `message`, which ECDSA hashes first (SHA-256, for P-384 SHA-384).
    /// - Parameter signature: 64 bytes (Ed25519), else raw r ‖ s, with either s.
    /// - Parameter message: of any length.
    /// - Throws: `FormatError` if the signature cannot be one, for instance by its length; for RSA, where
    ///   ``isValid(signature:digest:scheme:)`` is the one to ask.
    public func isValid(signature: [UInt8], message: [UInt8]) throws -> Bool {
        guard algorithm == .ed25519 else {
            return try isValid(signature: signature, digest: PublicKey.input(for: message, algorithm: algorithm))
        }
        guard signature.count == 64 else {
            throw FormatError(.malformed, "an ed25519 signature has 64 bytes, not \(signature.count)")
        }
        return try ed25519().isValidSignature(signature, for: message)
    }

    /// Whether `signature` is one of a digest that the caller made.
    /// - Throws: `FormatError` for Ed25519, which signs no digests, for a digest of another length, and for a signature
    ///   that cannot be one.
    public func isValid(signature: [UInt8], digest: [UInt8]) throws -> Bool {
        guard let length = algorithm.digestLength else {
            throw FormatError(
                .invalidArgument,
                algorithm.isRSA ? "\(algorithm) signs by a scheme" : "ed25519 signs whole messages, not digests")
        }
        guard digest.count == length else {
            throw FormatError(.invalidArgument, "\(algorithm) signs digests of \(length) bytes, not of \(digest.count)")
        }
        let ecdsa = try ECDSASignature(raw: signature, algorithm: algorithm)
        switch algorithm {
        case .ed25519, .rsa2048, .rsa3072, .rsa4096: return false
        case .p256: return try p256().isValidSignature(.init(rawRepresentation: ecdsa.raw), for: GivenDigest(digest))
        case .p384: return try p384().isValidSignature(.init(rawRepresentation: ecdsa.raw), for: GivenDigest(digest))
        case .secp256k1: return try Secp256k1.isValid(ecdsa.lowS.raw, digest: digest, point: raw)
        }
    }

    private func ed25519() throws -> Curve25519.Signing.PublicKey {
        do { return try .init(rawRepresentation: raw) } catch { throw notAPoint() }
    }

    func p256() throws -> P256.Signing.PublicKey {
        do { return try .init(x963Representation: raw) } catch { throw notAPoint() }
    }

    private func p384() throws -> P384.Signing.PublicKey {
        do { return try .init(x963Representation: raw) } catch { throw notAPoint() }
    }

    private func notAPoint() -> FormatError {
        FormatError(.malformed, "not an uncompressed point of \(algorithm)")
    }
}

/// A digest that was made elsewhere, as a type for swift-crypto.
private struct GivenDigest: Digest {
    static var byteCount: Int { 32 }
    let bytes: [UInt8]

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    var description: String { "digest" }

    func makeIterator() -> [UInt8].Iterator { bytes.makeIterator() }

    func withUnsafeBytes<R>(_ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
        try unsafe bytes.withUnsafeBytes(body)
    }
}
