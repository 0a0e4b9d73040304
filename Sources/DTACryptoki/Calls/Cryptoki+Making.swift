import CPKCS11
import DTABytes

/// Making and destroying keys: what the agent allows its caller.
extension Cryptoki {
    func generateKeyPair(_ reader: inout RPCReader, _ writer: inout RPCWriter) throws(CryptokiError) {
        let session = try readSession(&reader)
        let mechanism = try reader.mechanism()
        let open = try reader.template()
        let secret = try reader.template()
        try reader.end()
        guard let mechanism else { throw CryptokiError(CKR_ARGUMENTS_BAD) }
        try requireReadWrite(session)
        let new = try NewKey(pair: mechanism, open)
        try new.check(open, .publicKey)
        try new.check(secret, .privateKey)
        let key = try make(new, [open, secret])
        guard let publicHandle = objects.handle(of: .publicKey, key),
            let privateHandle = objects.handle(of: .privateKey, key)
        else { throw CryptokiError(CKR_DEVICE_ERROR) }
        writer.number(publicHandle)
        writer.number(privateHandle)
    }

    func generateKey(_ reader: inout RPCReader, _ writer: inout RPCWriter) throws(CryptokiError) {
        let session = try readSession(&reader)
        let mechanism = try reader.mechanism()
        let template = try reader.template()
        try reader.end()
        guard let mechanism else { throw CryptokiError(CKR_ARGUMENTS_BAD) }
        try requireReadWrite(session)
        let new = try NewKey(secret: mechanism, template)
        try new.check(template, .secretKey)
        let key = try make(new, [template])
        guard let handle = objects.handle(of: .secretKey, key) else { throw CryptokiError(CKR_DEVICE_ERROR) }
        writer.number(handle)
    }

    private func requireReadWrite(_ session: UInt) throws(CryptokiError) {
        guard sessions[session]?.isReadWrite == true else { throw CryptokiError(CKR_SESSION_READ_ONLY) }
    }

    /// Has the agent make a key under the label that a template gives it.
    private func make(_ new: NewKey, _ templates: [[Attribute]]) throws(CryptokiError) -> TokenKey {
        let labels = templates.compactMap { $0.bytes(CKA_LABEL) }.filter { !$0.isEmpty }
        let ids = templates.compactMap { $0.bytes(CKA_ID) }.filter { !$0.isEmpty }
        guard Set(labels).count <= 1, Set(ids).count <= 1 else { throw CryptokiError(CKR_TEMPLATE_INCONSISTENT) }
        let name = try labels.first.map(Cryptoki.name) ?? Cryptoki.anyName()
        // Which id a key has follows from the key.
        guard ids.isEmpty else { throw CryptokiError(CKR_ATTRIBUTE_VALUE_INVALID) }
        let key = try agent.create(name, new)
        listed = nil
        try refresh()
        return key
    }

    /// What the agent may call a key (`agent.proto`).
    private static func name(_ label: [UInt8]) throws(CryptokiError) -> String {
        let isPlain = label.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"):
                true
            default: false
            }
        }
        guard isPlain, label.count <= 64 else { throw CryptokiError(CKR_ATTRIBUTE_VALUE_INVALID) }
        return String(decoding: label, as: UTF8.self)
    }

    private static func anyName() -> String {
        "pkcs11-" + Hexadecimal.encode(UInt64.random(in: 0...UInt64.max).bigEndianBytes)
    }

    /// Destroys a key by its private or secret object. The public object only shows the key: it cannot be destroyed.
    func destroyObject(_ reader: inout RPCReader) throws(CryptokiError) {
        let session = try readSession(&reader)
        let handle = try reader.number()
        try reader.end()
        try requireReadWrite(session)
        let object = try objects.object(handle)
        guard object.objectClass != .publicKey else { throw CryptokiError(CKR_ACTION_PROHIBITED) }
        try agent.destroy(object.key)
        listed = nil
        try refresh()
    }
}
