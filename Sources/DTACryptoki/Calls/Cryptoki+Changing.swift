import CPKCS11

/// Storing certificates, and changing what is shown of a key.
extension Cryptoki {
    /// Stores a certificate of a key. Nothing else comes from outside.
    func createObject(_ reader: inout RPCReader, _ writer: inout RPCWriter) throws(CryptokiError) {
        let session = try readSession(&reader)
        let template = try reader.template()
        try reader.end()
        guard template.value(CKA_CLASS) == .number(CKO_CERTIFICATE) else {
            throw CryptokiError(CKR_FUNCTION_NOT_SUPPORTED)
        }
        try requireReadWrite(session)
        let type = template.value(CKA_CERTIFICATE_TYPE)
        guard type == nil || type == .number(CKC_X_509), template.value(CKA_TOKEN) != .flag(false) else {
            throw CryptokiError(CKR_TEMPLATE_INCONSISTENT)
        }
        guard let bytes = template.bytes(CKA_VALUE) else { throw CryptokiError(CKR_TEMPLATE_INCOMPLETE) }
        guard let certificate = Certificate(bytes) else { throw CryptokiError(CKR_ATTRIBUTE_VALUE_INVALID) }
        try refresh()
        // A certificate belongs to a key, and has its id and its label.
        guard let key = objects.key(of: certificate) else { throw CryptokiError(CKR_TEMPLATE_INCONSISTENT) }
        let id = template.bytes(CKA_ID) ?? []
        guard id.isEmpty || id == key.id else { throw CryptokiError(CKR_ATTRIBUTE_VALUE_INVALID) }
        try agent.add(certificate, to: key)
        listed = nil
        try refresh()
        guard let handle = objects.handle(of: .certificate, name: key.name, certificate: certificate) else {
            throw CryptokiError(CKR_DEVICE_ERROR)
        }
        writer.number(handle)
    }

    /// Sets a key's CKA_ID, by any object of the key.
    func setAttributeValue(_ reader: inout RPCReader) throws(CryptokiError) {
        let session = try readSession(&reader)
        let object = try objects.object(try reader.number())
        let template = try reader.template()
        try reader.end()
        try requireReadWrite(session)
        var id: [UInt8]?
        for attribute in template where !object.fits(attribute) {
            guard attribute.type == CKA_ID, case .bytes(let bytes) = attribute.value else {
                throw CryptokiError(CKR_ATTRIBUTE_READ_ONLY)
            }
            id = bytes
        }
        guard let id else { return }
        try agent.identify(object.key, id: id)
        listed = nil
        try refresh()
    }

    func copyObject(_ reader: inout RPCReader) throws(CryptokiError) {
        _ = try readSession(&reader)
        _ = try objects.object(try reader.number())
        throw CryptokiError(CKR_ACTION_PROHIBITED)
    }
}
