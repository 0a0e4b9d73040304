import CPKCS11
import CustodyProtocol
import DTABytes
import DTAFormats
import DTASystem
import Glibc

/// The operations on users' keys, and on the token.
extension Custody {
    func describe() throws -> TokenDescription {
        try climbing {
            try confirmTokenIsThere()
            let most = token.info.ulMaxSessionCount
            return TokenDescription(
                label: token.info.labelText, serial: token.info.serialText,
                manufacturer: token.info.manufacturerText, model: token.info.modelText, library: token.library,
                keyTypes: KeyType.allCases.filter { KeyKind($0).isSupported(by: token) },
                // CK_EFFECTIVELY_INFINITE is 0, CK_UNAVAILABLE_INFORMATION all ones.
                maximumSessions: UInt32(exactly: most) ?? 0, pid: getpid(), uid: geteuid(),
                memoryShortfall: SecretBytes.protectionShortfall.withLock { $0 })
        }
    }

    func random(count: Int) throws -> Secret {
        guard (1...65_536).contains(count) else {
            throw DTAError(.invalidArgument, "\(count) random bytes: from 1 to 65,536 can be asked for")
        }
        return try climbing { try token.session.randomSecret(count) }
    }

    func list(_ objectClass: ObjectClass) throws -> Set<TokenObject> {
        guard objectClass.isTheFronts else {
            throw DTAError(.permissionDenied, "objects of class \(objectClass.name) are not listed")
        }
        try require(objectClass)
        return try climbing {
            try confirmTokenIsThere()
            return try objects.list(objectClass)
        }
    }

    func generate(_ type: KeyType, owner: ObjectOwner, id: ObjectID) throws -> [UInt8] {
        try refuseOrderKeyIDs([id])
        let label = ObjectLabel.object(TokenObject(objectClass: .user, owner: owner, id: id))
        let kind = KeyKind(type)
        guard kind.isRSA else { return try making([id]) { try generation.make(kind, label, id: id.bytes) } }
        // The search for primes is done before other processes have to wait for this change of the token.
        return try making([id]) {
            try generation.draft(kind, label, id: id.bytes)
        } body: {
            try generation.keep($0)
        }
    }

    func publicKey(_ id: ObjectID) throws -> UserPublicKey {
        try climbing {
            let (key, _) = try key(id, .user)
            guard let type = key.kind.keyType else {
                throw DTAError(.failedPrecondition, "the object \(key.label.text) is of a kind that users cannot make")
            }
            guard key.kind.isPair else { return UserPublicKey(type: type, bytes: []) }
            guard let handle = try objects.publicHandle(of: key) else {
                throw DTAError(.dataLoss, "the public half of \(key.label.text) is gone from the token")
            }
            return UserPublicKey(type: type, bytes: try generation.publicKey(handle, key.kind))
        }
    }

    func delete(_ objectClass: ObjectClass, id: ObjectID) throws {
        guard objectClass.isTheFronts else {
            throw DTAError(.permissionDenied, "objects of class \(objectClass.name) cannot be deleted")
        }
        try require(objectClass)
        try climbing {
            try changing {
                guard let found = try objects.find(id) else { return try confirmTokenIsThere() }
                guard case .object(let object) = found.label, object.objectClass == objectClass else {
                    throw DTAError(
                        .permissionDenied, "the object \(found.label.text) is not of class \(objectClass.name)")
                }
                try destroy([id])
            }
        }
    }

    func forget(_ id: ObjectID) { objects.forget(id) }

    func sign(_ id: ObjectID, input: [UInt8]) throws -> [UInt8] {
        try checkSize(input.count)
        return try climbing {
            let (key, _) = try key(id, .user)
            return try sign(key, input)
        }
    }

    /// Signs with any signing key: Ed25519 a message, ECDSA a digest.
    func sign(_ key: KeyObject, _ input: [UInt8]) throws -> [UInt8] {
        switch key.kind {
        case .ed25519: break
        case .p256, .p384, .secp256k1:
            // CKM_ECDSA itself takes any length.
            guard input.count == key.kind.digestSize else {
                throw DTAError(
                    .invalidArgument,
                    "a \(key.kind.name) key signs a digest of \(key.kind.digestSize ?? 0) bytes, not \(input.count)")
            }
        case .rsa2048, .rsa3072, .rsa4096: throw wrongKind(key, "sign without a scheme")
        case .x25519, .p256ECDH, .p384ECDH, .hmacSHA256, .aes256: throw wrongKind(key, "sign")
        }
        let signature = try token.session.sign(key.kind.use, key.handle, input, size: key.kind.outputSize)
        guard signature.count == key.kind.outputSize else {
            throw PKCS11Error(call: "C_Sign", code: CK_RV(CKR_GENERAL_ERROR))
        }
        // Bitcoin and its libraries take only this form (BIP 146).
        return key.kind == .secp256k1 ? try ECDSASignature(raw: signature, algorithm: .secp256k1).lowS.raw : signature
    }

    func mac(_ id: ObjectID, input: [UInt8]) throws -> [UInt8] {
        try checkSize(input.count)
        return try climbing {
            let (key, _) = try key(id, .user)
            guard key.kind == .hmacSHA256 else { throw wrongKind(key, "make an HMAC") }
            return try token.session.sign(key.kind.use, key.handle, input, size: key.kind.outputSize)
        }
    }

    func encrypt(_ id: ObjectID, plaintext: SecretReference, aad: [UInt8]) throws -> [UInt8] {
        try checkSize(plaintext.count)
        try checkSize(aad.count)
        return try climbing {
            let (key, _) = try key(id, .user)
            guard key.kind == .aes256 else { throw wrongKind(key, "encrypt") }
            return try plaintext.withBytes { try encrypt(key, $0, aad: aad) }
        }
    }

    func decrypt(_ id: ObjectID, ciphertext: [UInt8], aad: [UInt8]) throws -> Secret {
        guard ciphertext.count >= 12 + 16 else {
            throw DTAError(.dataLoss, "a ciphertext of \(ciphertext.count) bytes is too short to be one")
        }
        try checkSize(ciphertext.count - 12 - 16)
        try checkSize(aad.count)
        return try climbing {
            let (key, _) = try key(id, .user)
            if key.kind.isRSA { return try decryptOAEP(key, ciphertext, label: aad) }
            guard key.kind == .aes256 else { throw wrongKind(key, "decrypt") }
            return try decrypt(key, ciphertext[...], aad: aad, "the ciphertext does not fit its key or context")
        }
    }

    /// AES-GCM: nonce (12) ‖ ciphertext ‖ tag (16).
    func encrypt(_ key: KeyObject, _ plaintext: Span<UInt8>, aad: [UInt8]) throws -> [UInt8] {
        let nonce = try token.session.random(12)
        return nonce + (try token.session.encryptGCM(key.handle, nonce: nonce, aad: aad, plaintext))
    }

    func decrypt(_ key: KeyObject, _ sealed: ArraySlice<UInt8>, aad: [UInt8], _ blame: String) throws -> Secret {
        try blaming(blame) {
            let plaintext = try token.session.decryptGCM(
                key.handle, nonce: Array(sealed.prefix(12)), aad: aad, sealed.dropFirst(12))
            guard plaintext.count == sealed.count - 28 else {
                throw PKCS11Error(call: "C_Decrypt", code: CK_RV(CKR_GENERAL_ERROR))
            }
            return plaintext
        } probe: {
            _ = try encrypt(key, [UInt8]().span, aad: [])
        }
    }

    private func checkSize(_ count: Int) throws {
        guard count <= CustodyFrame.inputLimit else {
            throw DTAError(
                .invalidArgument, "an input of \(count) bytes: at most \(CustodyFrame.inputLimit) are allowed",
                hint: "hash the message, or encrypt it with a key of its own")
        }
    }

    func wrongKind(_ key: KeyObject, _ what: String) -> DTAError {
        DTAError(.failedPrecondition, "a key of type \(key.kind.name) cannot \(what)")
    }
}
