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
        let new = try NewKey(pair: mechanism, open, secret)
        guard showsAll || new != .ed25519 else { throw CryptokiError(CKR_MECHANISM_INVALID) }
        try new.check(open, .publicKey)
        try new.check(secret, .privateKey)
        let name = try make(new, [open, secret])
        guard let publicHandle = objects.handle(of: .publicKey, name: name),
            let privateHandle = objects.handle(of: .privateKey, name: name)
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
        let name = try make(new, [template])
        guard let handle = objects.handle(of: .secretKey, name: name) else { throw CryptokiError(CKR_DEVICE_ERROR) }
        writer.number(handle)
    }

    func requireReadWrite(_ session: UInt) throws(CryptokiError) {
        guard sessions[session]?.isReadWrite == true else { throw CryptokiError(CKR_SESSION_READ_ONLY) }
    }

    /// Has the agent make a key under the label that a template gives it.
    /// - Returns: the key's name.
    private func make(_ new: NewKey, _ templates: [[Attribute]]) throws(CryptokiError) -> String {
        let labels = templates.compactMap { $0.bytes(CKA_LABEL) }.filter { !$0.isEmpty }
        let ids = templates.compactMap { $0.bytes(CKA_ID) }.filter { !$0.isEmpty }
        guard Set(labels).count <= 1, Set(ids).count <= 1 else { throw CryptokiError(CKR_TEMPLATE_INCONSISTENT) }
        let name = try labels.first.map(Cryptoki.name) ?? Cryptoki.anyName()
        try agent.create(name, new, id: ids.first)
        listed = nil
        try refresh()
        return name
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

    /// Destroys a key by its private or secret object, or drops a certificate. The public object only shows the key: it
    /// cannot be destroyed.
    func destroyObject(_ reader: inout RPCReader) throws(CryptokiError) {
        let session = try readSession(&reader)
        let handle = try reader.number()
        try reader.end()
        if derived[handle] != nil { return forget { $0.key == handle } }
        try requireReadWrite(session)
        let object = try objects.object(handle)
        switch object.objectClass {
        case .publicKey: throw CryptokiError(CKR_ACTION_PROHIBITED)
        case .privateKey, .secretKey: try agent.destroy(object.key)
        case .certificate:
            if let certificate = object.certificate { try agent.remove(certificate, from: object.key) }
        }
        listed = nil
        try refresh()
    }
}
