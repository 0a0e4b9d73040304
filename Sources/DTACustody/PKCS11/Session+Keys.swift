import CPKCS11
import DTABytes
import DTAFormats

/// What keys do, and making them.
extension Session {
    func generateKey(_ type: UInt, _ template: [Attribute]) throws -> CK_OBJECT_HANDLE {
        var mechanism = CK_MECHANISM(mechanism: CK_MECHANISM_TYPE(type), pParameter: nil, ulParameterLen: 0)
        var key: CK_OBJECT_HANDLE = 0
        try module.check(
            "C_GenerateKey", by: type,
            withTemplate(template) { functions.pointee.C_GenerateKey?(handle, &mechanism, $0, $1, &key) })
        return key
    }

    func generateKeyPair(_ type: UInt, public publicTemplate: [Attribute], private privateTemplate: [Attribute])
        throws -> (public: CK_OBJECT_HANDLE, private: CK_OBJECT_HANDLE)
    {
        var mechanism = CK_MECHANISM(mechanism: CK_MECHANISM_TYPE(type), pParameter: nil, ulParameterLen: 0)
        var pair: (public: CK_OBJECT_HANDLE, private: CK_OBJECT_HANDLE) = (0, 0)
        try module.check(
            "C_GenerateKeyPair", by: type,
            withTemplate(publicTemplate) { publicAttributes, publicCount in
                withTemplate(privateTemplate) { privateAttributes, privateCount in
                    functions.pointee.C_GenerateKeyPair?(
                        handle, &mechanism, publicAttributes, publicCount, privateAttributes, privateCount,
                        &pair.public, &pair.private)
                }
            })
        return pair
    }

    /// C_Sign by a mechanism without parameters; `size` is that of its signature, at most.
    func sign(_ type: UInt, _ key: CK_OBJECT_HANDLE, _ input: [UInt8], size: Int) throws -> [UInt8] {
        var mechanism = CK_MECHANISM(mechanism: CK_MECHANISM_TYPE(type), pParameter: nil, ulParameterLen: 0)
        try module.check("C_SignInit", by: type, functions.pointee.C_SignInit?(handle, &mechanism, key))
        return try input.withUnsafeBytes { bytes in
            try output(size, "C_Sign") {
                functions.pointee.C_Sign?(handle, bytes.asMutable, CK_ULONG(bytes.count), $0, $1)
            }
        }
    }

    /// AES-GCM with a 96-bit nonce and a 128-bit tag.
    /// - Returns: ciphertext ‖ tag.
    func encryptGCM(_ key: CK_OBJECT_HANDLE, nonce: [UInt8], aad: [UInt8], _ plaintext: Span<UInt8>) throws -> [UInt8] {
        try withGCM(nonce: nonce, aad: aad) { mechanism in
            try module.check(
                "C_EncryptInit", by: CKM_AES_GCM, functions.pointee.C_EncryptInit?(handle, &mechanism, key))
            return try plaintext.withUnsafeBytes { bytes in
                try output(bytes.count + 16, "C_Encrypt") {
                    functions.pointee.C_Encrypt?(handle, bytes.asMutable, CK_ULONG(bytes.count), $0, $1)
                }
            }
        }
    }

    /// Opens what `encryptGCM` made.
    func decryptGCM(_ key: CK_OBJECT_HANDLE, nonce: [UInt8], aad: [UInt8], _ ciphertext: ArraySlice<UInt8>) throws
        -> Secret
    {
        try withGCM(nonce: nonce, aad: aad) { mechanism in
            try module.check(
                "C_DecryptInit", by: CKM_AES_GCM, functions.pointee.C_DecryptInit?(handle, &mechanism, key))
            return try ciphertext.span.withUnsafeBytes { bytes in
                // Room for the tag as well: some modules count it before they have checked it.
                try Secret(capacity: max(bytes.count, 1)) { room, count in
                    count = try written(room.bindMemory(to: UInt8.self), "C_Decrypt") {
                        functions.pointee.C_Decrypt?(handle, bytes.asMutable, CK_ULONG(bytes.count), $0, $1)
                    }
                }
            }
        }
    }

    /// C_DeriveKey by CKM_ECDH1_DERIVE without a KDF: the shared secret, in an object of this session that is
    /// destroyed before this returns.
    /// - Parameter size: the bytes of the secret.
    func deriveECDH(_ key: CK_OBJECT_HANDLE, publicData: [UInt8], size: Int = 32) throws -> Secret {
        var derived: CK_OBJECT_HANDLE = 0
        let template = [
            Attribute(CKA_CLASS, number: CKO_SECRET_KEY), Attribute(CKA_KEY_TYPE, number: CKK_GENERIC_SECRET),
            Attribute(CKA_VALUE_LEN, number: UInt(size)), Attribute(CKA_TOKEN, false), Attribute(CKA_PRIVATE, true),
            Attribute(CKA_SENSITIVE, false), Attribute(CKA_EXTRACTABLE, true),
        ]
        try publicData.withUnsafeBytes { bytes in
            var parameters = CK_ECDH1_DERIVE_PARAMS()
            parameters.kdf = CK_ULONG(CKD_NULL)
            parameters.pPublicData = bytes.asMutable
            parameters.ulPublicDataLen = CK_ULONG(bytes.count)
            try withUnsafeMutableBytes(of: &parameters) { memory in
                var mechanism = CK_MECHANISM(
                    mechanism: CK_MECHANISM_TYPE(CKM_ECDH1_DERIVE), pParameter: memory.baseAddress,
                    ulParameterLen: CK_ULONG(memory.count))
                try module.check(
                    "C_DeriveKey", by: CKM_ECDH1_DERIVE,
                    withTemplate(template) { functions.pointee.C_DeriveKey?(handle, &mechanism, key, $0, $1, &derived) }
                )
            }
        }
        defer { _ = functions.pointee.C_DestroyObject?(handle, derived) }
        return try readSecret(derived, count: size)
    }

    /// C_Sign with an RSA key over a digest.
    /// - Parameter size: the bytes of the signature.
    func sign(_ key: CK_OBJECT_HANDLE, _ scheme: RSAScheme, _ digest: [UInt8], size: Int) throws -> [UInt8] {
        guard scheme.isPSS else { return try sign(CKM_RSA_PKCS, key, scheme.digestInfo(digest), size: size) }
        var parameters = CK_RSA_PKCS_PSS_PARAMS()
        let hash = Session.hash(scheme.digestLength)
        parameters.hashAlg = CK_MECHANISM_TYPE(hash.mechanism)
        parameters.mgf = CK_ULONG(hash.generator)
        parameters.sLen = CK_ULONG(scheme.digestLength)
        return try withUnsafeMutableBytes(of: &parameters) { memory in
            var mechanism = CK_MECHANISM(
                mechanism: CK_MECHANISM_TYPE(CKM_RSA_PKCS_PSS), pParameter: memory.baseAddress,
                ulParameterLen: CK_ULONG(memory.count))
            try module.check(
                "C_SignInit", by: CKM_RSA_PKCS_PSS, functions.pointee.C_SignInit?(handle, &mechanism, key))
            return try digest.withUnsafeBytes { bytes in
                try output(size, "C_Sign") {
                    functions.pointee.C_Sign?(handle, bytes.asMutable, CK_ULONG(bytes.count), $0, $1)
                }
            }
        }
    }

    /// CKM_… and CKG_… of the hash with so many bytes.
    private static func hash(_ digestLength: Int) -> (mechanism: UInt, generator: UInt) {
        switch digestLength {
        case 32: (UInt(CKM_SHA256), UInt(CKG_MGF1_SHA256))
        case 48: (UInt(CKM_SHA384), UInt(CKG_MGF1_SHA384))
        default: (UInt(CKM_SHA512), UInt(CKG_MGF1_SHA512))
        }
    }

    /// C_Decrypt by CKM_RSA_PKCS_OAEP with SHA-256 and MGF1 with SHA-256.
    /// - Parameter size: the bytes of the key's modulus.
    /// - Returns: nil if the token does not do OAEP with these hashes; SoftHSM 2.6 does it with SHA-1 only.
    func decryptOAEP(_ key: CK_OBJECT_HANDLE, _ ciphertext: [UInt8], label: [UInt8], size: Int) throws
        -> SecretReference?
    {
        try label.withUnsafeBytes { labelBytes in
            var parameters = CK_RSA_PKCS_OAEP_PARAMS()
            parameters.hashAlg = CK_MECHANISM_TYPE(CKM_SHA256)
            parameters.mgf = CK_ULONG(CKG_MGF1_SHA256)
            parameters.source = CK_ULONG(CKZ_DATA_SPECIFIED)
            parameters.pSourceData = labelBytes.isEmpty ? nil : UnsafeMutableRawPointer(labelBytes.asMutable)
            parameters.ulSourceDataLen = CK_ULONG(labelBytes.count)
            return try withUnsafeMutableBytes(of: &parameters) { memory in
                var mechanism = CK_MECHANISM(
                    mechanism: CK_MECHANISM_TYPE(CKM_RSA_PKCS_OAEP), pParameter: memory.baseAddress,
                    ulParameterLen: CK_ULONG(memory.count))
                let answer = functions.pointee.C_DecryptInit?(handle, &mechanism, key)
                let unable = [CKR_ARGUMENTS_BAD, CKR_MECHANISM_INVALID, CKR_MECHANISM_PARAM_INVALID]
                if let answer, unable.contains(where: { CK_RV($0) == answer }) { return nil }
                try module.check("C_DecryptInit", by: CKM_RSA_PKCS_OAEP, answer)
                return SecretReference(try finishDecrypting(ciphertext, size: size))
            }
        }
    }

    /// C_Decrypt by CKM_RSA_X_509: the bare power, as long as the modulus.
    func decryptRaw(_ key: CK_OBJECT_HANDLE, _ ciphertext: [UInt8]) throws -> Secret {
        var mechanism = CK_MECHANISM(
            mechanism: CK_MECHANISM_TYPE(CKM_RSA_X_509), pParameter: nil, ulParameterLen: 0)
        try module.check(
            "C_DecryptInit", by: CKM_RSA_X_509, functions.pointee.C_DecryptInit?(handle, &mechanism, key))
        return try finishDecrypting(ciphertext, size: ciphertext.count)
    }

    private func finishDecrypting(_ ciphertext: [UInt8], size: Int) throws -> Secret {
        try ciphertext.span.withUnsafeBytes { bytes in
            try Secret(capacity: size) { room, count in
                count = try written(room.bindMemory(to: UInt8.self), "C_Decrypt") {
                    functions.pointee.C_Decrypt?(handle, bytes.asMutable, CK_ULONG(bytes.count), $0, $1)
                }
            }
        }
    }

    /// The value of an object that is a secret of `count` bytes.
    private func readSecret(_ object: CK_OBJECT_HANDLE, count: Int) throws -> Secret {
        try Secret(count: count) { room in
            var attribute = CK_ATTRIBUTE(
                type: CK_ATTRIBUTE_TYPE(CKA_VALUE), pValue: room.baseAddress, ulValueLen: CK_ULONG(count))
            try module.check(
                "C_GetAttributeValue", functions.pointee.C_GetAttributeValue?(handle, object, &attribute, 1))
            guard attribute.ulValueLen == CK_ULONG(count) else {
                throw PKCS11Error(call: "C_GetAttributeValue", code: CK_RV(CKR_GENERAL_ERROR))
            }
        }
    }

    /// Lends `body` room for up to `size` bytes; what it wrote is the result.
    private func output(
        _ size: Int, _ call: StaticString,
        _ body: (UnsafeMutablePointer<UInt8>?, UnsafeMutablePointer<CK_ULONG>) -> CK_RV?
    ) throws -> [UInt8] {
        // Never without room: a nil buffer asks for the length only and leaves the operation open.
        try [UInt8](unsafeUninitializedCapacity: max(size, 1)) { buffer, count in
            count = try written(buffer, call, body)
        }
    }

    /// How many bytes `body` wrote to `room`.
    private func written(
        _ room: UnsafeMutableBufferPointer<UInt8>, _ call: StaticString,
        _ body: (UnsafeMutablePointer<UInt8>?, UnsafeMutablePointer<CK_ULONG>) -> CK_RV?
    ) throws -> Int {
        var written = CK_ULONG(room.count)
        try module.check(call, body(room.baseAddress, &written))
        guard written <= CK_ULONG(room.count) else {
            throw PKCS11Error(call: "\(call)", code: CK_RV(CKR_GENERAL_ERROR))
        }
        return Int(written)
    }

    private func withGCM<Result: ~Copyable>(
        nonce: [UInt8], aad: [UInt8], _ body: (inout CK_MECHANISM) throws -> Result
    ) throws -> Result {
        // By their spans, because arrays lend their bytes only for results that can be copied.
        try nonce.span.withUnsafeBytes { nonceBytes in
            try aad.span.withUnsafeBytes { aadBytes in
                var parameters = CK_GCM_PARAMS()
                parameters.pIv = nonceBytes.asMutable
                parameters.ulIvLen = CK_ULONG(nonceBytes.count)
                parameters.ulIvBits = CK_ULONG(nonceBytes.count * 8)
                parameters.pAAD = aadBytes.asMutable
                parameters.ulAADLen = CK_ULONG(aadBytes.count)
                parameters.ulTagBits = 128
                return try withUnsafeMutableBytes(of: &parameters) { memory in
                    var mechanism = CK_MECHANISM(
                        mechanism: CK_MECHANISM_TYPE(CKM_AES_GCM), pParameter: memory.baseAddress,
                        ulParameterLen: CK_ULONG(memory.count))
                    return try body(&mechanism)
                }
            }
        }
    }
}
