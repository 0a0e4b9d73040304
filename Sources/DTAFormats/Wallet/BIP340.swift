@unsafe @preconcurrency import CSecp256k1
import Crypto

/// Schnorr signatures on secp256k1 (BIP-340), by libsecp256k1.
public enum BIP340 {
    public static let signatureSize = 64

    /// SHA-256(SHA-256(tag) ‖ SHA-256(tag) ‖ parts…): it differs for each tag (BIP-340, "tagged hashes").
    public static func taggedHash(_ tag: String, _ parts: [UInt8]...) -> [UInt8] {
        let prefix = SHA256.hash(data: Array(tag.utf8))
        var hash = SHA256()
        unsafe prefix.withUnsafeBytes { bytes in
            unsafe hash.update(bufferPointer: bytes)
            unsafe hash.update(bufferPointer: bytes)
        }
        for part in parts { hash.update(data: part) }
        return Array(hash.finalize())
    }

    /// Signs 32 bytes, a tagged hash, with fresh auxiliary randomness. The signature is verified before it is returned,
    /// as BIP-340 advises against faults of the machine.
    /// - Returns: 64 bytes: x of R, s.
    /// - Throws: `FormatError.invalidArgument` for a message of another length.
    public static func sign(_ message: [UInt8], with key: Secp256k1Scalar) throws -> [UInt8] {
        var generator = SystemRandomNumberGenerator()
        return try sign(
            message, with: key, auxiliary: (0..<32).map { _ in UInt8.random(in: 0...255, using: &generator) })
    }

    /// The same with auxiliary randomness that is given, for vectors.
    static func sign(_ message: [UInt8], with key: Secp256k1Scalar, auxiliary: [UInt8]) throws -> [UInt8] {
        guard message.count == 32, auxiliary.count == 32 else {
            throw FormatError(.invalidArgument, "BIP-340 signs hashes of 32 bytes here, not of \(message.count)")
        }
        var (pair, signature) = (secp256k1_keypair(), [UInt8](repeating: 0, count: signatureSize))
        defer { Secp256k1Context.erase(&pair) }
        let context = unsafe Secp256k1Context.blinded
        let made = unsafe key.withUnsafeBytes { secret in
            guard let start = secret.baseAddress else { return false }
            return unsafe secp256k1_keypair_create(context, &pair, start) == 1
                && secp256k1_schnorrsig_sign32(context, &signature, message, &pair, auxiliary) == 1
        }
        guard made, isValid(signature, message: message, x: key.publicKey.x) else {
            throw FormatError(
                .dataLoss, "a signature that was just made does not verify: this machine computes wrongly")
        }
        return signature
    }

    /// Whether `signature` is one of `message` by the owner of `key`, whose y is ignored.
    /// - Parameter signature: 64 bytes.
    /// - Parameter message: of any length.
    /// - Parameter key: the signer's.
    /// - Returns: false also for a malformed signature.
    public static func isValid(_ signature: [UInt8], message: [UInt8], key: Secp256k1PublicKey) -> Bool {
        isValid(signature, message: message, x: key.x)
    }

    /// The same for a key that is its x alone, 32 bytes.
    /// - Returns: false also if the key is no x of a point of the curve.
    public static func isValid(_ signature: [UInt8], message: [UInt8], x: [UInt8]) -> Bool {
        var key = secp256k1_xonly_pubkey()
        guard signature.count == signatureSize, x.count == 32,
            unsafe secp256k1_xonly_pubkey_parse(secp256k1_context_static, &key, x) == 1
        else { return false }
        return unsafe secp256k1_schnorrsig_verify(
            secp256k1_context_static, signature, message, message.count, &key) == 1
    }
}
