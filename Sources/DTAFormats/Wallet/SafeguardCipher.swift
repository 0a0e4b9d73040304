import Crypto
import DTABytes
import FoundationEssentials

/// How the principal of a `safeguard-secret` order encrypts to the commitment, and how it is opened after the release:
/// HPKE (RFC 9180), base mode, one message; DHKEM(secp256k1, HKDF-SHA256), HKDF-SHA256, AES-256-GCM.
///
/// The info is "dta/safeguard/1" ‖ 00 ‖ the CID of part 2, so that a ciphertext fits one order. The curve is not safe
/// from quantum computers: so the ciphertext is sent only inside an envelope, which is.
public enum SafeguardCipher {
    /// What sealing adds: the encapsulation and AES-GCM's tag.
    public static let overhead = DHKEMSecp256k1.encSize + tagSize
    private static let tagSize = 16

    /// Seals what an order safeguards.
    /// - Parameter plaintext: up to 128 KiB in an order.
    /// - Parameter key: the commitment of part 2.
    /// - Parameter commitment: the CID of part 2.
    /// - Returns: enc (65 bytes) ‖ ciphertext ‖ tag.
    public static func seal(_ plaintext: [UInt8], to key: Secp256k1PublicKey, commitment: CID) throws -> [UInt8] {
        let (shared, enc) = try DHKEMSecp256k1.encapsulate(to: key)
        let schedule = HPKEKeySchedule(shared, info: info(commitment))
        let box = try AES.GCM.seal(plaintext, using: schedule.key, nonce: AES.GCM.Nonce(data: schedule.baseNonce))
        return enc + Array(box.ciphertext) + Array(box.tag)
    }

    /// Opens what an order safeguarded.
    /// - Parameter sealed: what ``seal(_:to:commitment:)`` made.
    /// - Parameter secret: the released secret.
    /// - Parameter commitment: the CID of part 2.
    /// - Returns: the plaintext.
    /// - Throws: `FormatError.dataLoss` if it does not open: damaged, for another commitment, or another secret.
    public static func open(_ sealed: [UInt8], with secret: Secp256k1Scalar, commitment: CID) throws -> Secret {
        guard sealed.count >= overhead else {
            throw FormatError(.dataLoss, "a safeguarded secret has \(overhead) bytes and more, not \(sealed.count)")
        }
        let shared = try DHKEMSecp256k1.decapsulate(Array(sealed.prefix(DHKEMSecp256k1.encSize)), with: secret)
        let schedule = HPKEKeySchedule(shared, info: info(commitment))
        let body = sealed.dropFirst(DHKEMSecp256k1.encSize)
        guard
            let box = try? AES.GCM.SealedBox(
                nonce: AES.GCM.Nonce(data: schedule.baseNonce), ciphertext: body.dropLast(tagSize),
                tag: body.suffix(tagSize)),
            var plaintext = try? AES.GCM.open(box, using: schedule.key)
        else {
            throw FormatError(
                .dataLoss, "the safeguarded secret does not open: it is damaged, or was made for another commitment")
        }
        return Secret(taking: &plaintext)
    }

    private static func info(_ commitment: CID) -> [UInt8] {
        SignedBytes.labelled("dta/safeguard/1", commitment.bytes)
    }
}

/// HPKE's key schedule in base mode (RFC 9180 §5.1) for the suite above. swift-crypto has one, but only for its own
/// KEMs.
struct HPKEKeySchedule {
    /// AES-256-GCM's.
    let key: SymmetricKey
    /// Of the first message, the only one.
    let baseNonce: [UInt8]
    let exporterSecret: SymmetricKey

    // KEM 0x0016, KDF 0x0001 (HKDF-SHA256), AEAD 0x0002 (AES-256-GCM).
    private static let suite = LabelledHKDF(suite: Array("HPKE".utf8) + [0x00, 0x16, 0x00, 0x01, 0x00, 0x02])

    init(_ shared: SymmetricKey, info: [UInt8]) {
        let suite = HPKEKeySchedule.suite
        func hash(_ label: String, _ bytes: [UInt8]) -> [UInt8] {
            unsafe suite.extract(salt: nil, label, SymmetricKey(data: bytes)).withUnsafeBytes { unsafe Array($0) }
        }
        // Mode 0, no PSK.
        let context = [0] + hash("psk_id_hash", []) + hash("info_hash", info)
        let secret = suite.extract(salt: shared, "secret", SymmetricKey(data: [UInt8]()))
        key = suite.expand(secret, "key", context, count: 32)
        baseNonce = unsafe suite.expand(secret, "base_nonce", context, count: 12).withUnsafeBytes { unsafe Array($0) }
        exporterSecret = suite.expand(secret, "exp", context, count: 32)
    }
}
