import Crypto
import DTABytes
import FoundationEssentials

/// The recipient's side of a wrap: HPKE with an X-Wing key whose X25519 half is elsewhere, in an HSM.
public enum KeyUnwrapping {
    /// Unwraps the content key of one envelope.
    /// - Parameter coreHash: the envelope's, 32 bytes. With `recipient` it binds the answer to that one envelope.
    /// - Parameter recipient: the CID of the identity that the wrap was made for.
    /// - Parameter enc: 1120 bytes.
    /// - Parameter key: 48 bytes.
    /// - Parameter publicKEM: the identity's X-Wing public key, 1216 bytes.
    /// - Parameter mlkemSeed: the seed of the ML-KEM-768 half (FIPS 203 d ‖ z), 64 bytes.
    /// - Parameter x25519: the X25519 half: the shared secret of 32 bytes with `ctX`, the ephemeral public key of 32
    ///   bytes.
    /// - Returns: 32 bytes.
    /// - Throws: what `x25519` throws; `FormatError.mismatch` if the seed is not that of `publicKEM`, `dataLoss` if the
    ///   wrap does not open.
    public static func unwrapContentKey(
        coreHash: [UInt8], recipient: CID, enc: [UInt8], key: [UInt8], publicKEM: [UInt8],
        mlkemSeed: borrowing Secret, x25519: (_ ctX: [UInt8]) throws -> Secret
    ) throws -> Secret {
        guard coreHash.count == 32, enc.count == Envelope.Wrap.encSize, key.count == Envelope.Wrap.keySize,
            publicKEM.count == Identity.kemSize, mlkemSeed.count == 64
        else {
            throw FormatError(
                .invalidArgument, "unwrapping takes 32, 1120, 48, 1216 and 64 bytes: one has another length")
        }
        let shared = try decapsulate(enc, publicKEM: publicKEM, mlkemSeed: mlkemSeed, x25519: x25519)
        let info = ContentKeys.wrapInfo(coreHash: coreHash, recipient: recipient)
        do {
            let half = DecapsulatedKey(
                publicKey: try .init(rawRepresentation: publicKEM), encapsulated: Data(enc), sharedSecret: shared)
            var opener = try HPKE.Recipient(
                privateKey: half, ciphersuite: .XWingMLKEM768X25519_SHA256_AES_GCM_256, info: info,
                encapsulatedKey: Data(enc))
            var contentKey = try opener.open(key)
            return Secret(taking: &contentKey)
        } catch {
            throw FormatError(
                .dataLoss, "the wrapped key does not open: it is damaged, or was made for another key or envelope")
        }
    }

    /// X-Wing's decapsulation: SHA3-256(ss_M ‖ ss_X ‖ ct_X ‖ pk_X ‖ label).
    private static func decapsulate(
        _ enc: [UInt8], publicKEM: [UInt8], mlkemSeed: borrowing Secret, x25519: ([UInt8]) throws -> Secret
    ) throws -> SymmetricKey {
        let (ctM, ctX) = (enc.dropLast(32), Array(enc.suffix(32)))
        let mlkem = unsafe mlkemSeed.withUnsafeBytes { seed in
            unsafe try? MLKEM768.PrivateKey(
                seedRepresentation: seed,
                publicKey: .init(rawRepresentation: publicKEM.prefix(Identity.mlkemSize)))
        }
        guard let mlkem else {
            throw FormatError(.mismatch, "the ML-KEM seed is not that of the identity's public key")
        }
        let ssM = try mlkem.decapsulate(ctM)
        let ssX = try x25519(ctX)
        guard ssX.count == 32 else {
            throw FormatError(.invalidArgument, "an X25519 shared secret has 32 bytes, not \(ssX.count)")
        }
        // RFC 7748 §6.1, in a time that does not depend on the secret.
        guard !ssX.isEqual(to: [UInt8](repeating: 0, count: 32).span) else {
            throw FormatError(.dataLoss, "the wrapped key uses an X25519 point of small order")
        }
        var hash = SHA3_256()
        unsafe ssM.withUnsafeBytes { unsafe hash.update(bufferPointer: $0) }
        unsafe ssX.withUnsafeBytes { unsafe hash.update(bufferPointer: $0) }
        hash.update(data: ctX)
        hash.update(data: publicKEM.suffix(32))
        hash.update(data: label)
        return SymmetricKey(data: hash.finalize())
    }

    // draft-connolly-cfrg-xwing-kem §5.3: \.//^\
    private static let label: [UInt8] = [0x5c, 0x2e, 0x2f, 0x2f, 0x5e, 0x5c]
}

/// HPKE's private key for one encapsulation that is already decapsulated. So the HSM is asked outside of the library,
/// and nothing of its answer is kept.
private struct DecapsulatedKey: HPKEKEMPrivateKey {
    let publicKey: XWingMLKEM768X25519.PublicKey
    let encapsulated: Data
    let sharedSecret: SymmetricKey

    func decapsulate(_ encapsulated: Data) throws -> SymmetricKey {
        guard encapsulated == self.encapsulated else {
            throw FormatError(.mismatch, "another encapsulation than the one that was decapsulated")
        }
        return sharedSecret
    }

    static func generate() throws -> DecapsulatedKey {
        throw FormatError(.invalidArgument, "the key of one encapsulation is never generated")
    }
}
