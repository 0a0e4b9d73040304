import Crypto

/// The key with which an identity signs documents, in the identity's form: a multicodec prefix and the key.
public struct SigningKey: Hashable, Sendable {
    // The multicodec table's ed25519-pub (0xed) and p256-pub (0x1200), as varints.
    private static let ed25519Prefix: [UInt8] = [0xed, 0x01]
    private static let p256Prefix: [UInt8] = [0x80, 0x24]

    public let publicKey: PublicKey
    /// `ed 01` and 32 bytes, or `80 24` and a compressed point of 33 bytes.
    public let tagged: [UInt8]

    /// - Throws: `FormatError` unless the key is an Ed25519 or a P-256 one: identities have no others.
    public init(_ key: PublicKey) throws {
        switch key.algorithm {
        case .ed25519: tagged = SigningKey.ed25519Prefix + key.raw
        case .p256: tagged = SigningKey.p256Prefix + Array(try key.p256().compressedRepresentation)
        case .p384, .secp256k1, .rsa2048, .rsa3072, .rsa4096:
            throw FormatError(.invalidArgument, "identities sign with ed25519 or p256, not with \(key.algorithm)")
        }
        publicKey = key
    }

    /// - Throws: `FormatError` for other prefixes and lengths, and bytes that are no point.
    public init(tagged: [UInt8]) throws {
        let key = Array(tagged.dropFirst(2))
        if tagged.starts(with: SigningKey.ed25519Prefix) {
            publicKey = try PublicKey(.ed25519, raw: key)
        } else if tagged.starts(with: SigningKey.p256Prefix) {
            guard key.count == 33, let point = try? P256.Signing.PublicKey(compressedRepresentation: key) else {
                throw FormatError(.malformed, "an identity's p256 key is a compressed point of 33 bytes")
            }
            publicKey = try PublicKey(.p256, raw: Array(point.x963Representation))
        } else {
            throw FormatError(.unsupported, "an identity's signing key is ed25519-pub or p256-pub")
        }
        self.tagged = tagged
    }

    /// Checks a signature on a document.
    /// - Parameter signature: 64 bytes; ECDSA is r ‖ s with s ≤ n/2.
    /// - Parameter context: one of ``SignedBytes/contexts``.
    /// - Parameter hash: SHA-256 of the document's DAG-CBOR.
    /// - Throws: `FormatError.badSignature` if it does not fit.
    public func verify(_ signature: [UInt8], context: String, hash: [UInt8]) throws {
        let message = try SignedBytes.make(context: context, hash: hash)
        if publicKey.algorithm != .ed25519 {
            let ecdsa = try ECDSASignature(raw: signature, algorithm: publicKey.algorithm)
            guard ecdsa.isLowS else {
                throw FormatError(
                    .badSignature, "an ECDSA signature on a document has s in the lower half of the order")
            }
        }
        guard try publicKey.isValid(signature: signature, message: message) else {
            throw FormatError(.badSignature, "the signature does not fit the document and its signer's key")
        }
    }

    /// The form in which a fresh signature goes into a document: ECDSA's s is brought to the lower half.
    func normalised(_ signature: [UInt8]) throws -> [UInt8] {
        guard publicKey.algorithm != .ed25519 else { return signature }
        return try ECDSASignature(raw: signature, algorithm: publicKey.algorithm).lowS.raw
    }
}
