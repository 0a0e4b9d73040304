import CPKCS11

/// Digests, which are made here.
extension Cryptoki {
    func digestInit(_ reader: inout RPCReader) throws(CryptokiError) {
        let session = try readSession(&reader)
        let mechanism = try reader.mechanism()
        try reader.end()
        guard let mechanism else {
            sessions[session]?.digest = nil
            return
        }
        guard sessions[session]?.digest == nil else { throw CryptokiError(CKR_OPERATION_ACTIVE) }
        guard let known = MechanismTable.digests.first(where: { $0.type == mechanism.type }) else {
            throw CryptokiError(CKR_MECHANISM_INVALID)
        }
        try mechanism.requireNoParameter()
        sessions[session]?.digest = RunningDigest(known.hash)
    }

    private func begun(_ session: UInt) throws(CryptokiError) -> RunningDigest {
        guard let digest = sessions[session]?.digest else { throw CryptokiError(CKR_OPERATION_NOT_INITIALIZED) }
        return digest
    }

    func digest(_ reader: inout RPCReader, _ writer: inout RPCWriter) throws(CryptokiError) {
        let session = try readSession(&reader)
        let data = Array(try reader.array())
        try finish(session, data, &reader, &writer)
    }

    func digestUpdate(_ reader: inout RPCReader) throws(CryptokiError) {
        let session = try readSession(&reader)
        let part = Array(try reader.array())
        try reader.end()
        var running = try begun(session)
        running.update(part)
        sessions[session]?.digest = running
    }

    func digestFinal(_ reader: inout RPCReader, _ writer: inout RPCWriter) throws(CryptokiError) {
        try finish(try readSession(&reader), [], &reader, &writer)
    }

    private func finish(
        _ session: UInt, _ data: [UInt8], _ reader: inout RPCReader, _ writer: inout RPCWriter
    ) throws(CryptokiError) {
        let room = try reader.room()
        try reader.end()
        var running = try begun(session)
        guard let room, room >= running.function.length else {
            writer.arrayLength(running.function.length)
            return
        }
        sessions[session]?.digest = nil
        running.update(data)
        writer.array(running.finish())
    }
}
