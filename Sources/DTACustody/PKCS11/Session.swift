import CPKCS11
import DTABytes
import DTASystem

/// The process' one session, and the PKCS#11 calls that D-TA makes in it, in Swift's terms.
///
/// Two calls at the same time in one session crash SoftHSM, and opening and closing costs more than signing: there is
/// one session, used by one thread.
final class Session {
    let module: Module
    let handle: CK_SESSION_HANDLE

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

    var functions: UnsafePointer<CK_FUNCTION_LIST> { module.functions }

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

    /// The same for what is to be a secret.
    func randomSecret(_ count: Int) throws -> Secret {
        try Secret(count: count) { room in
            try module.check(
                "C_GenerateRandom",
                functions.pointee.C_GenerateRandom?(
                    handle, room.baseAddress?.assumingMemoryBound(to: UInt8.self), CK_ULONG(count)))
        }
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
    /// longer than `room`, which only an RSA key's modulus is.
    func read(_ object: CK_OBJECT_HANDLE, _ types: [UInt], room: Int = 256) throws -> [[UInt8]?] {
        var block = [UInt8](repeating: 0, count: room * types.count)
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

    /// For CKA_MODULUS of 4096 bits, with a zero before it.
    static let modulusRoom = 520

    func destroy(_ object: CK_OBJECT_HANDLE) throws {
        try module.check("C_DestroyObject", functions.pointee.C_DestroyObject?(handle, object))
    }

    /// Makes an object of attributes, of which some are secrets: these go from their own memory to the module.
    func createObject(
        _ template: [Attribute], secrets: [(type: UInt, value: SecretReference)] = []
    ) throws -> CK_OBJECT_HANDLE {
        var object: CK_OBJECT_HANDLE = 0
        try module.check(
            "C_CreateObject",
            withTemplate(template) { attributes, count in
                let open = UnsafeBufferPointer(start: attributes, count: Int(count)).map { $0 }
                return lending(secrets[...], open) { all in
                    functions.pointee.C_CreateObject?(handle, &all, CK_ULONG(all.count), &object)
                }
            })
        return object
    }

    /// Lends secrets one within the other; a key has seven at most.
    private func lending<Result>(
        _ secrets: ArraySlice<(type: UInt, value: SecretReference)>, _ attributes: [CK_ATTRIBUTE],
        _ body: (inout [CK_ATTRIBUTE]) -> Result
    ) -> Result {
        guard let secret = secrets.first else {
            var attributes = attributes
            return body(&attributes)
        }
        return secret.value.withUnsafeBytes { bytes in
            let attribute = CK_ATTRIBUTE(
                type: CK_ATTRIBUTE_TYPE(secret.type), pValue: UnsafeMutableRawPointer(bytes.asMutable),
                ulValueLen: CK_ULONG(bytes.count))
            return lending(secrets.dropFirst(), attributes + [attribute], body)
        }
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

    /// A copy of an object of this session that stays on the token and has all its other attributes.
    func copyToToken(_ object: CK_OBJECT_HANDLE) throws -> CK_OBJECT_HANDLE {
        var copy: CK_OBJECT_HANDLE = 0
        try module.check(
            "C_CopyObject",
            withTemplate([Attribute(CKA_TOKEN, true)]) {
                functions.pointee.C_CopyObject?(handle, object, $0, $1, &copy)
            })
        return copy
    }
}

extension UnsafeRawBufferPointer {
    /// PKCS#11 declares what it only reads as `unsigned char *`, without const; some modules refuse NULL even for no bytes.
    var asMutable: UnsafeMutablePointer<UInt8>? {
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
