import CustodyProtocol
import DTAFormats
import DTASystem

/// An id does not prove a key: objects are deleted, and others are made under the same id. Sealed blobs name the key
/// itself, and these functions find out whether it is the key under an id. Only a signature tells: the token's public
/// object is an object of its own, and this process' copy of a key may be of one that is gone.
extension Custody {
    private static let challenge = "dta/challenge/1"

    /// Whether a signature of the key verifies under `publicKey`. That signature stays here, and the signed bytes begin
    /// with a label of their own, so they are of no other use.
    func holds(_ key: KeyObject, _ publicKey: PublicKey) throws -> Bool {
        // No identity and no order has an RSA key.
        guard key.kind.algorithm == publicKey.algorithm, !publicKey.algorithm.isRSA else { return false }
        let message = try Array(Custody.challenge.utf8) + [0] + token.session.random(32)
        let signature = try sign(key, PublicKey.input(for: message, algorithm: publicKey.algorithm))
        return (try? publicKey.isValid(signature: signature, message: message)) == true
    }

    /// Runs `body` with the key under an id. If that answers nil, because it is not the right key, the id is looked up
    /// anew and `body` runs once more: this process may remember an older key than the token has.
    func withKey<Result>(
        _ id: ObjectID, _ objectClass: ObjectClass, _ body: (KeyObject, ObjectOwner) throws -> Result?
    ) throws -> Result? {
        let (remembered, owner) = try key(id, objectClass)
        if let result = try body(remembered, owner) { return result }
        objects.forget(id)
        let (found, ownerNow) = try key(id, objectClass)
        return try body(found, ownerNow)
    }

    /// The public half of a signing key by the token's word, which is no evidence.
    func publicKey(of key: KeyObject) throws -> PublicKey {
        if let known = key.publicKey { return known }
        guard let algorithm = key.kind.algorithm else {
            throw DTAError(.failedPrecondition, "the object \(key.label.text) is no key that signs")
        }
        guard let handle = try objects.publicHandle(of: key) else {
            throw DTAError(.dataLoss, "the public half of \(key.label.text) is gone from the token")
        }
        let read = try publicKey(algorithm, raw: generation.publicKey(handle, key.kind), of: key.label)
        key.publicKey = read
        return read
    }

    func publicKey(_ algorithm: PublicKey.Algorithm, raw: [UInt8], of label: ObjectLabel) throws -> PublicKey {
        do {
            return try PublicKey(algorithm, raw: raw)
        } catch {
            throw DTAError(.failedPrecondition, "the token gives no public key for \(label.text): \(error)")
        }
    }

    /// - Throws: `DTAError.permissionDenied` for ids under which only orders' keys are made.
    func refuseOrderKeyIDs(_ ids: [ObjectID]) throws {
        guard !ids.contains(where: { $0.bytes.starts(with: OrderKeyID.prefix) }) else {
            throw DTAError(
                .permissionDenied, "an id that begins as those of orders' keys do is for these alone",
                hint: "choose another id: 16 random bytes")
        }
    }
}

extension KeyKind {
    /// The algorithm of such a key's signatures; nil for keys that do not sign.
    var algorithm: PublicKey.Algorithm? {
        switch self {
        case .ed25519: .ed25519
        case .p256: .p256
        case .p384: .p384
        case .secp256k1: .secp256k1
        case .rsa2048: .rsa2048
        case .rsa3072: .rsa3072
        case .rsa4096: .rsa4096
        case .x25519, .p256ECDH, .p384ECDH, .hmacSHA256, .aes256: nil
        }
    }
}
