import CPKCS11
import Crypto
import CryptoExtras
import CustodyProtocol
import DTABytes
import DTAFormats
import DTASystem

/// The examination of `dtad check`: whether the token does what D-TA needs. Each need is tried with keys that are made
/// for it, like any other key, and destroyed before the answer. The next examination destroys those that a crash left.
extension Custody {
    /// - Returns: what went wrong, as a sentence; empty if the token can do it.
    /// - Throws: `CustodyStartError` if the token is away or another.
    func examine(_ need: TokenNeed) throws -> String {
        do {
            try changing {
                try confirmTokenIsThere()
                try attempt(need)
            }
            return ""
        } catch let error as PKCS11Error {
            guard (try? confirmTokenIsThere()) != nil else { throw Token.away(options, "\(error)") }
            return "the token refuses" + (error.purpose.map { " what \($0) need" } ?? "") + ": \(error)"
        } catch let error as DTAError {
            return error.message
        }
    }

    private func attempt(_ need: TokenNeed) throws {
        switch need {
        case .random:
            // The first of all needs.
            try objects.destroyTrials()
            try tryRandom()
        case .sealing: try trySealing()
        case .signing: try tryKey(KeyKind.ed25519.isSupported(by: token) ? .ed25519 : .p256)
        case .agreement: try tryAgreement()
        case .ed25519: try tryKey(.ed25519)
        case .p256: try tryKey(.p256)
        case .p384: try tryKey(.p384)
        case .secp256k1: try tryKey(.secp256k1)
        case .hmacSHA256: try tryKey(.hmacSHA256) { key, _ in try self.tryHMAC(key) }
        case .aes256: try tryKey(.aes256) { key, _ in try self.tryGCM(key) }
        // Made only if it agrees with a key outside of the token.
        case .ecdh: try tryKey(.p256ECDH)
        // The smallest: the others take as much longer as they are larger.
        case .rsa: try tryKey(.rsa2048) { key, publicKey in try self.tryRSA(key, publicKey) }
        }
    }

    /// Makes a key, which must sign if its kind can (`KeyGeneration`), and gives it to `body`.
    private func tryKey(_ kind: KeyKind, _ body: (CK_OBJECT_HANDLE, [UInt8]) throws -> Void = { _, _ in }) throws {
        let id = ObjectID.random()
        defer { try? destroyTrial(id) }
        let publicKey = try generation.make(kind, .trial(id), id: id.bytes)
        let isKey = Attribute(CKA_CLASS, number: kind.isPair ? CKO_PRIVATE_KEY : CKO_SECRET_KEY)
        let handles = try token.session.find(
            [Attribute(CKA_TOKEN, true), Attribute(CKA_ID, id.bytes), isKey], limit: 1)
        guard let key = handles.first else {
            throw DTAError(.failedPrecondition, "the token does not find \(kind.article) \(kind.name) key that it made")
        }
        do {
            try body(key, publicKey)
        } catch var error as PKCS11Error {
            error.purpose = "\(kind.name) keys"
            throw error
        }
        try destroyTrial(id)
    }

    private func destroyTrial(_ id: ObjectID) throws {
        for handle in try token.session.find([Attribute(CKA_TOKEN, true), Attribute(CKA_ID, id.bytes)], limit: 3) {
            try token.session.destroy(handle)
        }
    }

    private func tryRandom() throws {
        let (one, other) = (try token.session.random(32), try token.session.random(32))
        guard one != other, one != [UInt8](repeating: 0, count: 32) else {
            throw DTAError(.failedPrecondition, "the token's random bytes repeat themselves")
        }
    }

    /// With a key of its own, and with those that D-TA has on the token.
    private func trySealing() throws {
        try tryKey(.aes256) { key, _ in try self.tryGCM(key) }
        let text = Array("dta/trial/1".utf8)
        for (objectClass, domain) in [(ObjectClass.seal, SealedBlob.Domain.seal2), (.state, .state1)] {
            let binding = SealedBlob.Binding(
                domain: domain, purpose: "trial", owner: ObjectOwner.agent.uid, id: [])
            let blob = try seal(Secret(copying: text.span), with: objectClass, binding)
            guard try unseal(blob, with: objectClass, binding).isEqual(to: text.span) else {
                throw DTAError(
                    .failedPrecondition, "what the key of class \(objectClass.name) sealed opens as something else")
            }
        }
    }

    private func tryGCM(_ key: CK_OBJECT_HANDLE) throws {
        let session = token.session
        let (nonce, aad, text) = (try session.random(12), [UInt8]("aad".utf8), [UInt8]("dta/trial/1".utf8))
        var sealed = try session.encryptGCM(key, nonce: nonce, aad: aad, text.span)
        guard try session.decryptGCM(key, nonce: nonce, aad: aad, sealed[...]).isEqual(to: text.span) else {
            throw DTAError(.failedPrecondition, "what AES-256-GCM encrypts it decrypts to something else")
        }
        sealed[sealed.count - 1] ^= 1
        if (try? session.decryptGCM(key, nonce: nonce, aad: aad, sealed[...])) != nil {
            throw DTAError(
                .failedPrecondition, "AES-256-GCM opens what was altered: the token does not look at the tag")
        }
    }

    /// PSS, and OAEP. The key has signed by PKCS#1 v1.5 already.
    private func tryRSA(_ key: CK_OBJECT_HANDLE, _ publicKey: [UInt8]) throws {
        let half = try PublicKey(.rsa2048, raw: publicKey)
        let scheme = RSAScheme.pssSHA256
        let digest = scheme.digest(of: Array("dta/trial/1".utf8))
        let signature = try token.session.sign(key, scheme, digest, size: KeyKind.rsa2048.outputSize)
        guard try half.isValid(signature: signature, digest: digest, scheme: scheme) else {
            throw DTAError(
                .failedPrecondition, "CKM_RSA_PKCS_PSS gives no signature that the key's public half verifies")
        }
        let message = try token.session.random(32)
        let ciphertext = try _RSA.Encryption.PublicKey(derRepresentation: half.spkiDER)
            .encrypt(message, padding: .PKCS1_OAEP_SHA256)
        let object = KeyObject(label: .trial(.random()), kind: .rsa2048, tokenHandle: key, publicHandle: nil, copy: nil)
        object.publicKey = half
        let opened = try decryptOAEP(object, [UInt8](ciphertext), label: [])
        guard opened.isEqual(to: message.span) else {
            throw DTAError(.failedPrecondition, "the token does not decrypt by OAEP what was encrypted to its key")
        }
    }

    private func tryHMAC(_ key: CK_OBJECT_HANDLE) throws {
        func mac(_ text: String) throws -> [UInt8] {
            try token.session.sign(CKM_SHA256_HMAC, key, Array(text.utf8), size: 32)
        }
        let (one, again, other) = (try mac("one"), try mac("one"), try mac("other"))
        guard one.count == 32, one == again, one != other else {
            throw DTAError(
                .failedPrecondition, "CKM_SHA256_HMAC gives no MAC of 32 bytes that depends on the message alone")
        }
    }

    /// With each way of passing the other side's key. The token must take one of them.
    private func tryAgreement() throws {
        try tryKey(.x25519) { key, publicKey in
            let peer = Curve25519.KeyAgreement.PrivateKey()
            let expected = try peer.sharedSecretFromKeyAgreement(with: .init(rawRepresentation: publicKey))
            var refusal: PKCS11Error?
            for encoding in X25519.Encoding.allCases {
                do {
                    let secret = try self.token.session.deriveECDH(
                        key, publicData: encoding.encode(Array(peer.publicKey.rawRepresentation)))
                    if expected.withUnsafeBytes({ secret.isEqual(to: $0.bindMemory(to: UInt8.self).span) }) { return }
                } catch let error as PKCS11Error {
                    refusal = error
                }
            }
            if let refusal { throw refusal }
            throw DTAError(.failedPrecondition, "the token does not compute X25519 as RFC 7748 says")
        }
    }
}
