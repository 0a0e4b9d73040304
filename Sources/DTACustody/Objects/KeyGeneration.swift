import CPKCS11
import CustodyProtocol
import DTABytes
import DTAFormats
import DTASystem

/// Makes keys and checks them: their attributes are read back, and a signing key has to sign.
struct KeyGeneration {
    let token: Token
    /// The classes whose keys may be made.
    var classes = ObjectClass.allCases

    /// Makes a key on the token.
    /// - Returns: its public key; empty for a secret key.
    /// - Throws: `DTAError.failedPrecondition` if a mechanism is missing or an attribute is not as asked for; then no
    ///   object is left. `PKCS11Error`.
    func make(_ kind: KeyKind, _ label: ObjectLabel, id: [UInt8]) throws -> [UInt8] {
        try label.objectClass?.require(among: classes)
        try kind.require(on: token)
        do {
            return try makeProved(kind, label, id: id)
        } catch var error as PKCS11Error {
            error.purpose = "\(kind.name) keys"
            throw error
        }
    }

    /// A pair of this session, which goes with it, or when this value's life ends.
    struct Draft: ~Copyable {
        fileprivate let session: Session
        fileprivate let kind: KeyKind
        fileprivate let label: ObjectLabel
        fileprivate let id: [UInt8]
        fileprivate let pair: (public: CK_OBJECT_HANDLE, private: CK_OBJECT_HANDLE)

        deinit {
            for handle in [pair.private, pair.public] { try? session.destroy(handle) }
        }
    }

    /// Makes a pair in this session: that takes no lock, however long it takes.
    /// - Throws: as `make`.
    func draft(_ kind: KeyKind, _ label: ObjectLabel, id: [UInt8]) throws -> Draft {
        try label.objectClass?.require(among: classes)
        try kind.require(on: token)
        do {
            let pair = try token.session.generateKeyPair(
                kind.generation(on: token), public: kind.publicTemplate(label, id: id, isOnToken: false),
                private: kind.keyTemplate(label, id: id, isOnToken: false))
            return Draft(session: token.session, kind: kind, label: label, id: id, pair: pair)
        } catch var error as PKCS11Error {
            error.purpose = "\(kind.name) keys"
            throw error
        }
    }

    /// Copies a draft to the token, and checks the copy as `make` checks a key.
    /// - Returns: its public key.
    /// - Throws: as `make`.
    func keep(_ draft: borrowing Draft) throws -> [UInt8] {
        let kind = draft.kind
        let session = token.session
        var handles: [CK_OBJECT_HANDLE] = []
        do {
            handles.append(try session.copyToToken(draft.pair.private))
            handles.append(try session.copyToToken(draft.pair.public))
        } catch let error as PKCS11Error where error.isRefusal {
            // Not every token copies keys. Then it makes the key where it stays, and others wait for that.
            for handle in handles { try? session.destroy(handle) }
            return try make(kind, draft.label, id: draft.id)
        } catch {
            for handle in handles { try? session.destroy(handle) }
            throw error
        }
        do {
            try verify(handles[0], kind, draft.label, id: draft.id)
            let publicKey = try publicKey(handles[1], kind)
            try prove(handles[0], kind, publicKey)
            return publicKey
        } catch {
            for handle in handles { try? session.destroy(handle) }
            throw error
        }
    }

    private func makeProved(_ kind: KeyKind, _ label: ObjectLabel, id: [UInt8]) throws -> [UInt8] {
        let session = token.session
        let key: CK_OBJECT_HANDLE
        var publicHandle: CK_OBJECT_HANDLE?
        if kind.isPair {
            let pair = try session.generateKeyPair(
                kind.generation(on: token), public: kind.publicTemplate(label, id: id),
                private: kind.keyTemplate(label, id: id))
            key = pair.private
            publicHandle = pair.public
        } else {
            key = try session.generateKey(kind.generation(on: token), kind.keyTemplate(label, id: id))
        }
        do {
            try verify(key, kind, label, id: id)
            guard let publicHandle else { return [] }
            let publicKey = try publicKey(publicHandle, kind)
            try prove(key, kind, publicKey)
            return publicKey
        } catch {
            for handle in [key, publicHandle].compactMap({ $0 }) { try? session.destroy(handle) }
            throw error
        }
    }

    /// The public key of a public object.
    func publicKey(_ handle: CK_OBJECT_HANDLE, _ kind: KeyKind) throws -> [UInt8] {
        if kind.isRSA { return try rsaPublicKey(handle, kind) }
        guard let point = try token.session.read(handle, [CKA_EC_POINT])[0] else {
            throw PKCS11Error(call: "C_GetAttributeValue CKA_EC_POINT", code: CK_RV(CKR_ATTRIBUTE_VALUE_INVALID))
        }
        guard let key = kind.publicKey(point: point) else {
            let size = kind.publicSize
            throw DTAError(
                .failedPrecondition,
                "the token gives the public key of \(kind.article) \(kind.name) key in an unknown form: \(point.count) "
                    + "bytes that begin with \(Hexadecimal.encode(Array(point.prefix(4))))",
                hint: "CKA_EC_POINT must be the \(size) bytes of the key, or these as an OCTET STRING in DER "
                    + "(\(size + 2) bytes)")
        }
        return key
    }

    private func rsaPublicKey(_ handle: CK_OBJECT_HANDLE, _ kind: KeyKind) throws -> [UInt8] {
        let values = try token.session.read(handle, [CKA_MODULUS, CKA_PUBLIC_EXPONENT], room: Session.modulusRoom)
        guard let modulus = values[0], let exponent = values[1] else {
            throw PKCS11Error(call: "C_GetAttributeValue CKA_MODULUS", code: CK_RV(CKR_ATTRIBUTE_VALUE_INVALID))
        }
        guard let key = try? PublicKey(rsaModulus: modulus, exponent: exponent), key.algorithm == kind.algorithm else {
            throw DTAError(
                .failedPrecondition,
                "the token gives the public key of an \(kind.name) key in an unknown form: a modulus of \(modulus.count) "
                    + "bytes, and the exponent \(Hexadecimal.encode(Array(exponent.prefix(8))))",
                hint: "CKA_PUBLIC_EXPONENT must be 010001, as it was asked for")
        }
        return key.raw
    }

    /// Has the key sign a test message, and verifies the signature, which stays here, with the public half that the
    /// token named. Halves that do not fit would otherwise be noticed too late.
    func prove(_ key: CK_OBJECT_HANDLE, _ kind: KeyKind, _ publicKey: [UInt8]) throws {
        guard let algorithm = kind.algorithm else { return try proveAgreement(key, kind, publicKey) }
        let message = Array("dta/trial/1".utf8) + [0] + (try token.session.random(32))
        let isValid: Bool?
        if kind.isRSA {
            let scheme = RSAScheme.pkcs1SHA256
            let digest = scheme.digest(of: message)
            let signature = try token.session.sign(key, scheme, digest, size: kind.outputSize)
            isValid = try? PublicKey(algorithm, raw: publicKey)
                .isValid(signature: signature, digest: digest, scheme: scheme)
        } else {
            let signature = try token.session.sign(
                kind.use, key, PublicKey.input(for: message, algorithm: algorithm), size: kind.outputSize)
            isValid = try? PublicKey(algorithm, raw: publicKey).isValid(signature: signature, message: message)
        }
        guard isValid == true else {
            throw DTAError(
                .failedPrecondition,
                "the token \"\(token.info.labelText)\" made \(kind.article) \(kind.name) key whose signature its public half "
                    + "does not verify; the key was destroyed",
                hint:
                    "its public half (\(kind.isRSA ? "CKA_MODULUS" : "CKA_EC_POINT")) or its signatures are not what PKCS#11 says: use another type"
            )
        }
    }

    private func verify(_ key: CK_OBJECT_HANDLE, _ kind: KeyKind, _ label: ObjectLabel, id: [UInt8]) throws {
        var demanded: [Demand] = [
            (CKA_SENSITIVE, "CKA_SENSITIVE", [1]), (CKA_EXTRACTABLE, "CKA_EXTRACTABLE", [0]),
            (CKA_ALWAYS_SENSITIVE, "CKA_ALWAYS_SENSITIVE", [1]),
            (CKA_NEVER_EXTRACTABLE, "CKA_NEVER_EXTRACTABLE", [1]), (CKA_LOCAL, "CKA_LOCAL", [1]),
            (CKA_TOKEN, "CKA_TOKEN", [1]), (CKA_PRIVATE, "CKA_PRIVATE", [1]),
            (CKA_LABEL, "CKA_LABEL", Array(label.text.utf8)), (CKA_ID, "CKA_ID", id),
        ]
        // By these it is told from a key that signs.
        if kind == .p256ECDH || kind == .p384ECDH {
            demanded += [(CKA_DERIVE, "CKA_DERIVE", [1]), (CKA_SIGN, "CKA_SIGN", [0])]
        }
        try verify(key, kind, "made", demanded)
    }

    typealias Demand = (type: UInt, name: String, value: [UInt8])

    /// - Parameter did: what the token did, in the error.
    func verify(_ key: CK_OBJECT_HANDLE, _ kind: KeyKind, _ did: String, _ demanded: [Demand]) throws {
        let values = try token.session.read(key, demanded.map(\.type))
        for (wanted, value) in zip(demanded, values) where value != wanted.value {
            throw DTAError(
                .failedPrecondition,
                "the token \"\(token.info.labelText)\" \(did) \(kind.article) \(kind.name) key otherwise than it was told "
                    + "(\(wanted.name)); the key was destroyed",
                hint: "use a token that keeps keys sensitive and non-extractable")
        }
    }
}
