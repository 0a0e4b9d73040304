import CPKCS11
import Crypto
import CustodyProtocol
import DTABytes
import DTAFormats
import DTASystem

/// The operations on identities' keys.
extension Custody {
    /// Makes the signing key and the X-Wing key of an identity: both, or neither. The token holds the signing key and
    /// the X25519 half. Of the ML-KEM half it only makes the seed, which leaves this process sealed.
    func createIdentity(owner: ObjectOwner, signing: ObjectID, kem: ObjectID) throws -> CreatedIdentityKeys {
        guard signing != kem else { throw DTAError(.invalidArgument, "an identity's two keys need two ids") }
        func label(_ objectClass: ObjectClass, _ id: ObjectID) -> ObjectLabel {
            .object(TokenObject(objectClass: objectClass, owner: owner, id: id))
        }
        try refuseOrderKeyIDs([signing, kem])
        return try making([signing, kem]) {
            let signingKind = KeyKind.ed25519.isSupported(by: token) ? KeyKind.ed25519 : .p256
            let signingKey = try generation.make(signingKind, label(.identitySigning, signing), id: signing.bytes)
            let x25519Key = try generation.make(.x25519, label(.identityKEM, kem), id: kem.bytes)
            // A key that does not compute X25519 must not be used: nothing sealed to it could be opened.
            let (key, _) = try key(kem, .identityKEM)
            guard try x25519(key, ownKey: x25519Key, X25519.basePoint).isEqual(to: x25519Key.span) else {
                throw DTAError(.failedPrecondition, "the token's X25519 keys do not agree with their public halves")
            }
            let seed = try token.session.randomSecret(64)
            let mlkem = try seed.withUnsafeBytes { try MLKEM768.PrivateKey(seedRepresentation: $0, publicKey: nil) }
            let publicKEM = Array(mlkem.publicKey.rawRepresentation) + x25519Key
            return CreatedIdentityKeys(
                signingType: signingKind == .ed25519 ? .ed25519 : .p256, signing: signingKey, kem: publicKEM,
                sealedSeed: try seal(seed, with: .seal, seedBinding(owner, publicKEM)))
        }
    }

    /// Signs context ‖ 00 ‖ hash. Identities of users sign documents only. The agent's own key signs checkpoints of the
    /// audit log, and its own document.
    func signDocument(_ id: ObjectID, context: String, hash: [UInt8]) throws -> [UInt8] {
        let message = try signedBytes(context, hash)
        return try climbing {
            let (key, owner) = try key(id, .identitySigning)
            try check(context, of: owner)
            guard key.kind == .p256 else { return try sign(key, message) }
            let signature = try sign(key, Array(SHA256.hash(data: message)))
            return try ECDSASignature(raw: signature, algorithm: .p256).lowS.raw
        }
    }

    /// The contexts in which an identity signs.
    func signedBytes(_ context: String, _ hash: [UInt8]) throws -> [UInt8] {
        guard SignedBytes.contexts.contains(context) else {
            throw DTAError(.permissionDenied, "no identity signs in the context \"\(context.prefix(64))\"")
        }
        return try translating { try SignedBytes.make(context: context, hash: hash) }
    }

    /// Whether the identities of `owner` sign in a context.
    func check(_ context: String, of owner: ObjectOwner) throws {
        let isAllowed =
            owner == .agent
            ? [SignedBytes.audit, SignedBytes.identity].contains(context) : context != SignedBytes.audit
        guard isAllowed else {
            throw DTAError(
                .permissionDenied,
                "\(owner == .agent ? "the agent's own key" : "a user's identity") does not sign in the context \(context)"
            )
        }
    }

    /// The content key of one envelope, and of no other: the hash of the envelope's core and its recipient go into the
    /// key schedule. The ML-KEM seed and the shared secrets stay here.
    func openKey(_ message: OpenKey) throws -> Secret {
        let (owner, publicKEM) = (message.recipient.owner, message.recipient.publicKEM)
        return try climbing {
            let (key, keyOwner) = try key(message.recipient.kem, .identityKEM)
            guard keyOwner == owner else {
                throw DTAError(.permissionDenied, "the object \(key.label.text) does not belong to uid \(owner.uid)")
            }
            let seed = try unseal(message.recipient.sealedSeed, with: .seal, seedBinding(owner, publicKEM))
            return try translating {
                try KeyUnwrapping.unwrapContentKey(
                    coreHash: message.coreHash, recipient: message.recipient.cid, enc: message.wrap.enc,
                    key: message.wrap.key, publicKEM: publicKEM, mlkemSeed: seed
                ) { peer in
                    // A token refuses points of small order in its own way.
                    try blaming("the wrapped key does not open") {
                        try x25519(key, ownKey: Array(publicKEM.suffix(32)), peer)
                    } probe: {
                        _ = try x25519(key, ownKey: Array(publicKEM.suffix(32)), X25519.basePoint)
                    }
                }
            }
        }
    }

    private func seedBinding(_ owner: ObjectOwner, _ publicKEM: [UInt8]) -> SealedBlob.Binding {
        SealedBlob.Binding(
            domain: .seal1, purpose: "ml-kem-768 seed", owner: owner.uid,
            id: Array(SHA256.hash(data: publicKEM)))
    }

    /// The shared secret of an X25519 key on the token with another's public key.
    private func x25519(_ key: KeyObject, ownKey: [UInt8], _ peer: [UInt8]) throws -> Secret {
        let encoding = try x25519Encoding ?? findEncoding(key, ownKey)
        return try token.session.deriveECDH(key.handle, publicData: encoding.encode(peer))
    }

    /// Finds how the token takes public keys: the way in which the base point gives the key's own public half.
    private func findEncoding(_ key: KeyObject, _ ownKey: [UInt8]) throws -> X25519.Encoding {
        for encoding in X25519.Encoding.allCases {
            guard let own = try? token.session.deriveECDH(key.handle, publicData: encoding.encode(X25519.basePoint)),
                own.isEqual(to: ownKey.span)
            else { continue }
            x25519Encoding = encoding
            return encoding
        }
        try confirmTokenIsThere()
        throw DTAError(
            .failedPrecondition, "the token \"\(token.info.labelText)\" does not compute X25519 as RFC 7748 says",
            hint: "identities need another HSM")
    }

    /// Gives errors of the formats the code that the front gets.
    func translating<Result: ~Copyable>(_ body: () throws -> Result) throws -> Result {
        do {
            return try body()
        } catch let error as FormatError {
            let isDamage = [.dataLoss, .mismatch, .badSignature].contains(error.kind)
            throw DTAError(isDamage ? .dataLoss : .invalidArgument, error.reason)
        }
    }
}
