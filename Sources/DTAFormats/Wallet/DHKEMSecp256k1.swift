@unsafe @preconcurrency import CSecp256k1
import Crypto
import DTABytes
import FoundationEssentials

/// DHKEM(secp256k1, HKDF-SHA256), HPKE's KEM 0x0016: draft-wahby-cfrg-hpke-kem-secp256k1, RFC 9180 §4.1.
enum DHKEMSecp256k1 {
    /// The encapsulation: an uncompressed point.
    static let encSize = 65
    static let suite = LabelledHKDF(suite: Array("KEM".utf8) + [0x00, 0x16])

    /// - Parameter ephemeral: new for each encapsulation; another one only for vectors.
    /// - Returns: the shared secret, 32 bytes, and the encapsulation.
    static func encapsulate(
        to recipient: Secp256k1PublicKey, ephemeral: Secp256k1Scalar = .generate()
    ) throws -> (shared: SymmetricKey, enc: [UInt8]) {
        let enc = try ephemeral.publicKey.uncompressed
        let point = try diffieHellman(ephemeral, recipient.parsed())
        return (sharedSecret(point, enc: enc, recipient: try recipient.uncompressed), enc)
    }

    /// - Throws: `FormatError.dataLoss` unless it is an uncompressed point of the curve.
    static func decapsulate(_ enc: [UInt8], with key: Secp256k1Scalar) throws -> SymmetricKey {
        var sender = secp256k1_pubkey()
        // The library reads hybrid forms of this length too: they would be a second spelling.
        guard enc.count == encSize, enc[0] == 4,
            unsafe secp256k1_ec_pubkey_parse(secp256k1_context_static, &sender, enc, enc.count) == 1
        else { throw FormatError(.dataLoss, "the encapsulated key is no uncompressed point of secp256k1") }
        return sharedSecret(
            try diffieHellman(key, sender), enc: enc, recipient: try key.publicKey.uncompressed)
    }

    /// ExtractAndExpand.
    private static func sharedSecret(_ point: SymmetricKey, enc: [UInt8], recipient: [UInt8]) -> SymmetricKey {
        let key = suite.extract(salt: nil, "eae_prk", point)
        return suite.expand(key, "shared_secret", enc + recipient, count: 32)
    }

    /// x of the product: 32 bytes (RFC 9180 §7.1: Ndh). The group's order is prime, so no product is infinity.
    private static func diffieHellman(_ key: Secp256k1Scalar, _ point: secp256k1_pubkey) throws -> SymmetricKey {
        var (point, done) = (point, false)
        let x = unsafe Secret(count: 32) { x in
            unsafe key.withUnsafeBytes { secret in
                guard let target = x.baseAddress, let start = secret.baseAddress else { return }
                unsafe done =
                    secp256k1_ecdh(
                        Secp256k1Context.blinded, target, &point, start,
                        { output, x, _, _ in
                            guard let output = unsafe output, let x = unsafe x else { return 0 }
                            unsafe output.update(from: x, count: 32)
                            return 1
                        }, nil) == 1
            }
        }
        guard done else { throw FormatError(.dataLoss, "no shared secret: this machine computes wrongly") }
        return unsafe x.withUnsafeBytes { unsafe SymmetricKey(data: $0) }
    }
}

/// HPKE's labelled HKDF with SHA-256 for one suite (RFC 9180 §4).
struct LabelledHKDF: Sendable {
    let suite: [UInt8]
    private static let version = Array("HPKE-v1".utf8)

    func extract(salt: SymmetricKey?, _ label: String, _ material: SymmetricKey) -> SymmetricKey {
        let head = LabelledHKDF.version + suite + Array(label.utf8)
        let labelled = unsafe Secret(count: head.count + material.bitCount / 8) { room in
            unsafe room.copyBytes(from: head)
            unsafe material.withUnsafeBytes { secret in
                unsafe UnsafeMutableRawBufferPointer(rebasing: room[head.count...]).copyMemory(from: secret)
            }
        }
        // HKDF-Extract is HMAC with the salt as the key (RFC 5869 §2.2). An empty key and zeros are the same.
        let code = unsafe labelled.withUnsafeBytes { labelled in
            unsafe HMAC<SHA256>.authenticationCode(
                for: labelled, using: salt ?? SymmetricKey(data: [UInt8](repeating: 0, count: 32)))
        }
        return SymmetricKey(data: code)
    }

    func expand(_ key: SymmetricKey, _ label: String, _ info: [UInt8], count: Int) -> SymmetricKey {
        let length = [UInt8(truncatingIfNeeded: count >> 8), UInt8(truncatingIfNeeded: count)]
        return HKDF<SHA256>.expand(
            pseudoRandomKey: key, info: length + LabelledHKDF.version + suite + Array(label.utf8) + info,
            outputByteCount: count)
    }
}
