import CPKCS11
import DTASystem

/// The process' one session, and the PKCS#11 calls that D-TA makes in it, in Swift's terms.
///
/// Two calls at the same time in one session crash SoftHSM, and opening and closing costs more than signing: there is
/// one session, used by one thread.
final class Session {
    let module: Module
    private let handle: CK_SESSION_HANDLE

    /// Opens a read-write session on `slot`.
    init(_ module: Module, slot: CK_SLOT_ID) throws {
        var handle: CK_SESSION_HANDLE = 0
        try module.check(
            "C_OpenSession",
            module.functions.pointee.C_OpenSession?(
                slot, CK_FLAGS(CKF_SERIAL_SESSION | CKF_RW_SESSION), nil, nil, &handle))
        self.module = module
        self.handle = handle
    }

    private var functions: UnsafePointer<CK_FUNCTION_LIST> { module.functions }

    func login(_ user: UInt, pin: SecretBytes) throws {
        let answer = pin.withUnsafeBytes { bytes in
            functions.pointee.C_Login?(handle, CK_USER_TYPE(user), bytes.asMutable, CK_ULONG(bytes.count))
        }
        if answer == CK_RV(CKR_USER_ALREADY_LOGGED_IN) { return }
        try module.check("C_Login", answer)
    }

    func logout() throws { try module.check("C_Logout", functions.pointee.C_Logout?(handle)) }

    /// Sets the user's PIN; the security officer is logged in.
    func initializePIN(_ pin: SecretBytes) throws {
        try module.check(
            "C_InitPIN",
            pin.withUnsafeBytes { functions.pointee.C_InitPIN?(handle, $0.asMutable, CK_ULONG($0.count)) })
    }

    /// Sets the user's PIN, by the old one.
    func setPIN(_ old: SecretBytes, _ new: SecretBytes) throws {
        try module.check(
            "C_SetPIN",
            old.withUnsafeBytes { old in
                new.withUnsafeBytes { new in
                    functions.pointee.C_SetPIN?(
                        handle, old.asMutable, CK_ULONG(old.count), new.asMutable, CK_ULONG(new.count))
                }
            })
    }

    /// Bytes from the token's generator.
    func random(_ count: Int) throws -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        try module.check("C_GenerateRandom", functions.pointee.C_GenerateRandom?(handle, &bytes, CK_ULONG(count)))
        return bytes
    }

    // MARK: objects

    /// The objects that match, at most `limit` of them.
    func find(_ template: [Attribute], limit: Int) throws -> [CK_OBJECT_HANDLE] {
        try module.check(
            "C_FindObjectsInit", withTemplate(template) { functions.pointee.C_FindObjectsInit?(handle, $0, $1) })
        defer { _ = functions.pointee.C_FindObjectsFinal?(handle) }
        var found: [CK_OBJECT_HANDLE] = []
        var batch = [CK_OBJECT_HANDLE](repeating: 0, count: min(limit, 256))
        while found.count < limit {
            var count: CK_ULONG = 0
            try module.check(
                "C_FindObjects",
                functions.pointee.C_FindObjects?(
                    handle, &batch, CK_ULONG(min(batch.count, limit - found.count)), &count))
            if count == 0 { break }
            found += batch.prefix(Int(count))
        }
        return found
    }

    /// Attributes of an object, in the order asked; nil for one that the object lacks, that is sensitive, or that is
    /// longer than 256 bytes, as none of D-TA's is.
    func read(_ object: CK_OBJECT_HANDLE, _ types: [UInt]) throws -> [[UInt8]?] {
        let room = 256
        var block = [UInt8](repeating: 0, count: room * types.count)
        // Derived secrets pass through here.
        defer { wipe(&block) }
        return try block.withUnsafeMutableBytes { memory in
            var template = types.enumerated().map { index, type in
                CK_ATTRIBUTE(
                    type: CK_ATTRIBUTE_TYPE(type), pValue: memory.baseAddress.map { $0 + index * room },
                    ulValueLen: CK_ULONG(room))
            }
            let answer = functions.pointee.C_GetAttributeValue?(handle, object, &template, CK_ULONG(template.count))
            let partly = [CKR_ATTRIBUTE_SENSITIVE, CKR_ATTRIBUTE_TYPE_INVALID, CKR_BUFFER_TOO_SMALL]
            if !partly.contains(where: { CK_RV($0) == answer }) { try module.check("C_GetAttributeValue", answer) }
            return template.enumerated().map { index, attribute in
                let count = attribute.ulValueLen
                guard count <= CK_ULONG(room) else { return nil }
                return [UInt8](memory[index * room..<index * room + Int(count)])
            }
        }
    }

    func destroy(_ object: CK_OBJECT_HANDLE) throws {
        try module.check("C_DestroyObject", functions.pointee.C_DestroyObject?(handle, object))
    }

    /// A copy of `object` that lives in this session only and has all its other attributes.
    func copyToSession(_ object: CK_OBJECT_HANDLE) throws -> CK_OBJECT_HANDLE {
        var copy: CK_OBJECT_HANDLE = 0
        try module.check(
            "C_CopyObject",
            withTemplate([Attribute(CKA_TOKEN, false)]) {
                functions.pointee.C_CopyObject?(handle, object, $0, $1, &copy)
            })
        return copy
    }

    // MARK: keys

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
    func encryptGCM(_ key: CK_OBJECT_HANDLE, nonce: [UInt8], aad: [UInt8], _ plaintext: [UInt8]) throws -> [UInt8] {
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
        -> [UInt8]
    {
        try withGCM(nonce: nonce, aad: aad) { mechanism in
            try module.check(
                "C_DecryptInit", by: CKM_AES_GCM, functions.pointee.C_DecryptInit?(handle, &mechanism, key))
            return try ciphertext.withUnsafeBytes { bytes in
                // Room for the tag as well: some modules count it before they have checked it.
                try output(bytes.count, "C_Decrypt") {
                    functions.pointee.C_Decrypt?(handle, bytes.asMutable, CK_ULONG(bytes.count), $0, $1)
                }
            }
        }
    }

    /// C_DeriveKey by CKM_ECDH1_DERIVE without a KDF: a 32-byte shared secret, in an object of this session that is
    /// destroyed before this returns.
    func deriveECDH(_ key: CK_OBJECT_HANDLE, publicData: [UInt8]) throws -> [UInt8] {
        var derived: CK_OBJECT_HANDLE = 0
        let template = [
            Attribute(CKA_CLASS, number: CKO_SECRET_KEY), Attribute(CKA_KEY_TYPE, number: CKK_GENERIC_SECRET),
            Attribute(CKA_VALUE_LEN, number: 32), Attribute(CKA_TOKEN, false), Attribute(CKA_PRIVATE, true),
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
        guard let value = try read(derived, [CKA_VALUE])[0], value.count == 32 else {
            throw PKCS11Error(call: "C_DeriveKey", code: CK_RV(CKR_GENERAL_ERROR))
        }
        return value
    }

    /// Lends `body` room for up to `size` bytes; what it wrote is the result.
    private func output(
        _ size: Int, _ call: StaticString,
        _ body: (UnsafeMutablePointer<UInt8>?, UnsafeMutablePointer<CK_ULONG>) -> CK_RV?
    ) throws -> [UInt8] {
        // The buffer is never nil: a nil buffer asks for the length only and leaves the operation open.
        try [UInt8](unsafeUninitializedCapacity: max(size, 1)) { buffer, count in
            var written = CK_ULONG(buffer.count)
            let answer = body(buffer.baseAddress, &written)
            try module.check(call, answer)
            guard written <= CK_ULONG(buffer.count) else {
                throw PKCS11Error(call: "\(call)", code: CK_RV(CKR_GENERAL_ERROR))
            }
            count = Int(written)
        }
    }

    private func withGCM<Result>(nonce: [UInt8], aad: [UInt8], _ body: (inout CK_MECHANISM) throws -> Result) rethrows
        -> Result
    {
        try nonce.withUnsafeBytes { nonceBytes in
            try aad.withUnsafeBytes { aadBytes in
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

extension UnsafeRawBufferPointer {
    /// PKCS#11 declares input as `unsigned char *`, without const; some modules refuse NULL even for no bytes.
    fileprivate var asMutable: UnsafeMutablePointer<UInt8>? {
        guard let baseAddress, count > 0 else { return noBytes }
        return UnsafeMutablePointer(mutating: baseAddress.assumingMemoryBound(to: UInt8.self))
    }
}

/// An address for arrays without elements; it is never written to. Concurrency: a constant.
nonisolated(unsafe) private let noBytes: UnsafeMutablePointer<UInt8> = {
    let byte = UnsafeMutablePointer<UInt8>.allocate(capacity: 1)
    byte.initialize(to: 0)
    return byte
}()
