import CPKCS11
import Crypto
import CustodyProtocol
import DTABytes
import DTASystem

/// ECDH with users' keys.
extension Custody {
    /// The shared secret of a key and another's public key: it leaves this process in the answer, and stays nowhere.
    /// - Parameter peer: an uncompressed point.
    func agree(_ id: ObjectID, peer: [UInt8]) throws -> Secret {
        try climbing {
            let (key, _) = try key(id, .user)
            guard key.kind != .x25519, key.kind.isECDH else { throw wrongKind(key, "agree on secrets by ECDH") }
            // A point of another curve would tell the key bit by bit (Biehl, Meyer, Müller, 2000). Not every token looks.
            guard key.kind.isPoint(peer) else {
                throw DTAError(
                    .invalidArgument,
                    "the other side's key is no uncompressed point of the curve of a \(key.kind.name) key")
            }
            return try token.session.deriveECDH(key.handle, key.kind, peer: peer)
        }
    }
}

extension KeyKind {
    /// Whether these bytes are an uncompressed point of this kind's curve, other than the point at infinity.
    func isPoint(_ bytes: [UInt8]) -> Bool {
        guard bytes.count == publicSize, bytes.first == 4 else { return false }
        switch self {
        case .p256ECDH: return (try? P256.KeyAgreement.PublicKey(x963Representation: bytes)) != nil
        case .p384ECDH: return (try? P384.KeyAgreement.PublicKey(x963Representation: bytes)) != nil
        default: return false
        }
    }
}

extension Session {
    /// ECDH on a curve in short Weierstraß form. PKCS#11 2.40 (2.3.8) lets a token take the other side's point bare or as an
    /// OCTET STRING in DER; each takes one of them.
    /// - Parameter peer: an uncompressed point of the key's curve.
    func deriveECDH(_ key: CK_OBJECT_HANDLE, _ kind: KeyKind, peer: [UInt8]) throws -> Secret {
        do {
            return try deriveECDH(key, publicData: peer, size: kind.sharedSecretSize)
        } catch let error as PKCS11Error where error.isRefusal {
            let wrapped = [0x04, UInt8(truncatingIfNeeded: peer.count)] + peer
            return try deriveECDH(key, publicData: wrapped, size: kind.sharedSecretSize)
        }
    }
}

extension KeyGeneration {
    /// Has an ECDH key agree with a key of this process, and compares the secret with what that key computes.
    func proveAgreement(_ key: CK_OBJECT_HANDLE, _ kind: KeyKind, _ publicKey: [UInt8]) throws {
        let (peer, expected): ([UInt8], SharedSecret?)
        switch kind {
        case .p256ECDH:
            let other = P256.KeyAgreement.PrivateKey()
            peer = Array(other.publicKey.x963Representation)
            expected = try? other.sharedSecretFromKeyAgreement(with: .init(x963Representation: publicKey))
        case .p384ECDH:
            let other = P384.KeyAgreement.PrivateKey()
            peer = Array(other.publicKey.x963Representation)
            expected = try? other.sharedSecretFromKeyAgreement(with: .init(x963Representation: publicKey))
        default: return
        }
        let secret = try token.session.deriveECDH(key, kind, peer: peer)
        let isSame = expected?.withUnsafeBytes { secret.isEqual(to: $0.bindMemory(to: UInt8.self).span) }
        guard isSame == true else {
            throw DTAError(
                .failedPrecondition,
                "the token \"\(token.info.labelText)\" made a \(kind.name) key that does not compute what its public half says; "
                    + "the key was destroyed",
                hint:
                    "its public half (CKA_EC_POINT) or its CKM_ECDH1_DERIVE is not what PKCS#11 says: use another type")
        }
    }
}
