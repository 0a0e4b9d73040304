import CPKCS11

/// Objects: finding them, and their attributes.
extension Cryptoki {
    /// How long what the agent said about keys is used, in nanoseconds.
    private static let freshness: UInt64 = 2_000_000_000

    /// Asks the agent which keys there are, unless it was asked a moment ago.
    func refresh() throws(CryptokiError) {
        let now = clock()
        if let listed, now &- listed < Cryptoki.freshness { return }
        objects.update(try agent.keys().filter { showsAll || !$0.kind.isEdwards })
        listed = now
    }

    // MARK: Finding

    /// Bytes of a template that a search keeps.
    private static let searchLimit = 16 << 10

    func findObjectsInit(_ reader: inout RPCReader) throws(CryptokiError) {
        let session = try readSession(&reader)
        let template = try reader.template()
        try reader.end()
        guard sessions[session]?.find == nil else { throw CryptokiError(CKR_OPERATION_ACTIVE) }
        let size = template.reduce(0) { $0 + 16 + ($1.value?.length ?? 0) }
        guard size <= Cryptoki.searchLimit else { throw CryptokiError(CKR_ARGUMENTS_BAD) }
        try refresh()
        sessions[session]?.find = Session.Find(template: template)
    }

    func findObjects(_ reader: inout RPCReader, _ writer: inout RPCWriter) throws(CryptokiError) {
        let session = try readSession(&reader)
        let room = try reader.room() ?? 0
        try reader.end()
        guard let find = sessions[session]?.find else { throw CryptokiError(CKR_OPERATION_NOT_INITIALIZED) }
        let found = search(find, count: room)
        if let last = found.last { sessions[session]?.find?.place = last }
        writer.numbers(found)
    }

    private func search(_ find: Session.Find, count: Int) -> [UInt] {
        let found = objects.search(find.template, after: find.place, count: count)
        guard !derived.isEmpty else { return found }
        let secrets = derived.filter { handle, secret in handle > find.place && find.template.allSatisfy(secret.fits) }
        return Array((found + secrets.keys).sorted().prefix(count))
    }

    func findObjectsFinal(_ reader: inout RPCReader) throws(CryptokiError) {
        let session = try readSession(&reader)
        try reader.end()
        guard sessions[session]?.find != nil else { throw CryptokiError(CKR_OPERATION_NOT_INITIALIZED) }
        sessions[session]?.find = nil
    }

    // MARK: Attributes

    func getAttributeValue(_ reader: inout RPCReader, _ writer: inout RPCWriter) throws(CryptokiError) {
        _ = try readSession(&reader)
        let handle = try reader.number()
        let wanted = try reader.attributeRooms()
        try reader.end()
        let secret = derived[handle]
        let object = secret == nil ? try objects.object(handle) : nil
        var code = CKR_OK
        writer.number32(UInt32(truncatingIfNeeded: wanted.count))
        for (type, room) in wanted {
            switch secret?.attribute(type) ?? object?.attribute(type) ?? .unknown {
            case .value(let value) where room == 0: writer.attribute(type, .length(value))
            case .value(let value) where room >= value.length: writer.attribute(type, .value(value))
            case .value:
                writer.attribute(type, .nothing)
                code = CKR_BUFFER_TOO_SMALL
            case .sensitive:
                writer.attribute(type, .nothing)
                code = CKR_ATTRIBUTE_SENSITIVE
            case .unknown:
                writer.attribute(type, .nothing)
                code = CKR_ATTRIBUTE_TYPE_INVALID
            }
        }
        writer.number(code)
    }

    func getObjectSize(_ reader: inout RPCReader, _ writer: inout RPCWriter) throws(CryptokiError) {
        _ = try readSession(&reader)
        let handle = try reader.number()
        try reader.end()
        if let secret = derived[handle] { return writer.number(UInt(secret.value.count)) }
        let object = try objects.object(handle)
        writer.number(
            UInt(
                object.key.publicKeyInfo.count + object.key.label.utf8.count + object.key.id.count
                    + (object.certificate?.bytes.count ?? 0)))
    }
}
