import CPKCS11
import CustodyProtocol
import DTABytes
import DTAFormats
import DTASystem

/// Keys that exist already, and come to the token.
extension Custody {
    /// The id of the one key that signs wrapping keys. Its label names the agent as its owner.
    static let importingID: [UInt8] = Array("dta/import-signs".utf8)

    /// How many offers a process keeps, and for how long, in nanoseconds. Older ones are dropped.
    private static let offerLimit = 256
    private static let offerLife: UInt64 = 120_000_000_000

    /// A wrapping key that was offered and not used yet.
    struct Offer {
        let place: KeyWrapping
        let key: KeyWrapping.OneTimeKey
        let made: UInt64
    }

    func beginImport(_ asked: BeginImport) throws -> ImportOffer {
        try refuseOrderKeyIDs([asked.id])
        let place = try Custody.place(asked.type, asked.owner, asked.id)
        return try climbing {
            let signer: KeyObject
            do {
                signer = try key(ObjectID(Custody.importingID), .importing).0
            } catch let error as DTAError where error.code == .notFound {
                throw DTAError(
                    .failedPrecondition, "keys cannot be imported yet: the token has no key that signs for that",
                    hint: "an administrator makes one (docs/operations.md)")
            }
            let oneTime = try KeyWrapping.OneTimeKey()
            let message = place.signedBytes(nonce: asked.nonce, wrappingKey: oneTime.publicKey)
            guard let algorithm = signer.kind.algorithm else {
                throw DTAError(.failedPrecondition, "the object \(signer.label.text) is no key that signs")
            }
            let signature = try sign(signer, PublicKey.input(for: message, algorithm: algorithm))
            let now = monotonicNanoseconds()
            offers.removeAll { now &- $0.made > Custody.offerLife || $0.place.object == place.object }
            if offers.count >= Custody.offerLimit { offers.removeFirst() }
            offers.append(Offer(place: place, key: oneTime, made: now))
            return ImportOffer(wrappingKey: oneTime.publicKey, signature: signature)
        }
    }

    func importKey(_ asked: ImportKey) throws -> [UInt8] {
        let place = try Custody.place(asked.type, asked.owner, asked.id)
        let now = monotonicNanoseconds()
        // Whatever comes of it, the offer is used.
        guard let index = offers.firstIndex(where: { $0.place == place }) else { throw Custody.noOffer }
        let offer = offers.remove(at: index)
        guard now &- offer.made <= Custody.offerLife else { throw Custody.noOffer }
        let imported = try Custody.unwrap(asked.wrapped, offer)
        let label = ObjectLabel.object(TokenObject(objectClass: .user, owner: asked.owner, id: asked.id))
        let kind = KeyKind(asked.type)
        return try making([asked.id]) { try generation.put(imported, kind, label, id: asked.id.bytes) }
    }

    private static func unwrap(_ wrapped: [UInt8], _ offer: Offer) throws -> TransportedKey {
        do {
            return try offer.key.unwrap(wrapped, offer.place)
        } catch let error as FormatError {
            throw DTAError(error.kind == .dataLoss ? .dataLoss : .invalidArgument, error.reason)
        }
    }

    func origin(_ id: ObjectID) throws -> KeyOrigin {
        try climbing {
            let (key, _) = try key(id, .user)
            guard let local = try token.session.read(key.tokenHandle, [CKA_LOCAL])[0] else {
                throw PKCS11Error(call: "C_GetAttributeValue CKA_LOCAL", code: CK_RV(CKR_ATTRIBUTE_VALUE_INVALID))
            }
            return local == [1] ? .token : .imported
        }
    }

    private static let noOffer = DTAError(
        .failedPrecondition, "there is no wrapping key for this: each is used once, within two minutes",
        hint: "import the key again")

    private static func place(_ type: KeyType, _ owner: ObjectOwner, _ id: ObjectID) throws -> KeyWrapping {
        guard let kind = TransportedKey.Kind(rawValue: type.rawValue) else {
            throw DTAError(.invalidArgument, "keys of type \(type.name) cannot be imported")
        }
        return try KeyWrapping(kind, owner: owner.uid, object: id.bytes)
    }
}

extension KeyGeneration {
    /// Puts a key on the token, and checks it: that it cannot be read, and that it does what its public half, or the key
    /// itself, says.
    ///
    /// C_CreateObject and not C_UnwrapKey: docs/custody.md has the reason.
    /// - Returns: its public key; empty for a secret key.
    /// - Throws: as `make`.
    func put(_ key: borrowing TransportedKey, _ kind: KeyKind, _ label: ObjectLabel, id: [UInt8]) throws -> [UInt8] {
        try label.objectClass?.require(among: classes)
        try kind.requireUse(on: token)
        var handles: [CK_OBJECT_HANDLE] = []
        do {
            handles.append(try create(key, kind, label, id: id))
            if let half = key.publicKey {
                handles.append(
                    try token.session.createObject(kind.importedPublicTemplate(label, id: id, half)))
            }
            try verifyImported(handles[0], kind, label, id: id)
            guard let half = key.publicKey else {
                try prove(handles[0], kind, key)
                return []
            }
            let publicKey = try publicKey(handles[1], kind)
            guard publicKey == half.raw else {
                throw DTAError(
                    .failedPrecondition, "the token keeps another public half than the one that it was given")
            }
            try prove(handles[0], kind, publicKey)
            return publicKey
        } catch {
            for handle in handles { try? token.session.destroy(handle) }
            throw error
        }
    }

    private func create(
        _ key: borrowing TransportedKey, _ kind: KeyKind, _ label: ObjectLabel, id: [UInt8]
    ) throws -> CK_OBJECT_HANDLE {
        let template = kind.importedTemplate(label, id: id)
        guard kind.isRSA else {
            let value = SecretReference(key.secret.withBytes { Secret(copying: $0) })
            return try token.session.createObject(template, secrets: [(CKA_VALUE, value)])
        }
        let numbers = try RSAPrivateNumbers(transported: key.secret)
        let parts: [(UInt, Int)] = [
            (CKA_PRIVATE_EXPONENT, 2), (CKA_PRIME_1, 3), (CKA_PRIME_2, 4), (CKA_EXPONENT_1, 5), (CKA_EXPONENT_2, 6),
            (CKA_COEFFICIENT, 7),
        ]
        let secrets = parts.map { ($0.0, SecretReference(numbers.number($0.1))) }
        return try token.session.createObject(
            template + [
                Attribute(CKA_MODULUS, numbers.modulus), Attribute(CKA_PUBLIC_EXPONENT, [0x01, 0x00, 0x01]),
            ], secrets: secrets)
    }

    /// What an imported key can have. It was outside, so it was not always sensitive.
    private func verifyImported(_ key: CK_OBJECT_HANDLE, _ kind: KeyKind, _ label: ObjectLabel, id: [UInt8]) throws {
        try verify(
            key, kind, "took",
            [
                (CKA_SENSITIVE, "CKA_SENSITIVE", [1]), (CKA_EXTRACTABLE, "CKA_EXTRACTABLE", [0]),
                (CKA_LOCAL, "CKA_LOCAL", [0]), (CKA_TOKEN, "CKA_TOKEN", [1]), (CKA_PRIVATE, "CKA_PRIVATE", [1]),
                (CKA_LABEL, "CKA_LABEL", Array(label.text.utf8)), (CKA_ID, "CKA_ID", id),
            ])
    }

    /// Has a secret key work on a trial, and compares that with what the key itself gives.
    private func prove(_ handle: CK_OBJECT_HANDLE, _ kind: KeyKind, _ key: borrowing TransportedKey) throws {
        let trial = Array("dta/trial/1".utf8) + [0] + (try token.session.random(32))
        let fits: Bool
        switch kind {
        case .hmacSHA256:
            let mac = try token.session.sign(kind.use, handle, trial, size: kind.outputSize)
            fits = key.isValid(mac: mac, of: trial)
        case .aes256:
            let nonce = try token.session.random(12)
            let sealed = try token.session.encryptGCM(handle, nonce: nonce, aad: [], trial.span)
            fits = key.opens(nonce: nonce, sealed: sealed, to: trial)
        default: fits = false
        }
        guard fits else {
            throw DTAError(
                .failedPrecondition,
                "the token \"\(token.info.labelText)\" keeps another key than the one that it was given")
        }
    }
}
