import CPKCS11

/// Encrypting and decrypting. Public halves encrypt here; a decryption is one request to the agent.
extension Cryptoki {
    // MARK: Encrypting

    func encryptInit(_ reader: inout RPCReader) throws(CryptokiError) {
        let session = try readSession(&reader)
        let mechanism = try reader.mechanism()
        let handle = try reader.number()
        try reader.end()
        guard let mechanism else {
            sessions[session]?.encrypt = nil
            return
        }
        guard sessions[session]?.encrypt == nil else { throw CryptokiError(CKR_OPERATION_ACTIVE) }
        let object = try objects.key(handle)
        let scheme = try CipherScheme(mechanism, object.key.kind, CKF_ENCRYPT)
        guard object.objectClass == scheme.encryptor else { throw CryptokiError(CKR_KEY_FUNCTION_NOT_PERMITTED) }
        sessions[session]?.encrypt = CipherOperation(scheme, object)
    }

    func encrypt(_ reader: inout RPCReader, _ writer: inout RPCWriter) throws(CryptokiError) {
        let session = try readSession(&reader)
        let data = Array(try reader.array())
        let room = try reader.room()
        try reader.end()
        var operation = try begun(sessions[session]?.encrypt)
        if isLengthQuery(operation.scheme.ciphertextLength, room, &writer) { return }
        sessions[session]?.encrypt = nil
        guard !operation.isUnderWay else { throw CryptokiError(CKR_OPERATION_ACTIVE) }
        try operation.take(data, limit: operation.scheme.plaintextLimit, CKR_DATA_LEN_RANGE)
        writer.array(try ciphertext(operation))
    }

    func encryptUpdate(_ reader: inout RPCReader, _ writer: inout RPCWriter) throws(CryptokiError) {
        let session = try readSession(&reader)
        let part = Array(try reader.array())
        let room = try reader.room()
        try reader.end()
        var operation = try begun(sessions[session]?.encrypt)
        // A caller that only asks for the length gives this part again.
        guard room != nil else { return writer.arrayLength(0) }
        sessions[session]?.encrypt = nil
        operation.isUnderWay = true
        try operation.take(part, limit: operation.scheme.plaintextLimit, CKR_DATA_LEN_RANGE)
        sessions[session]?.encrypt = operation
        writer.array([])
    }

    func encryptFinal(_ reader: inout RPCReader, _ writer: inout RPCWriter) throws(CryptokiError) {
        let session = try readSession(&reader)
        let room = try reader.room()
        try reader.end()
        let operation = try begun(sessions[session]?.encrypt)
        if isLengthQuery(operation.scheme.ciphertextLength, room, &writer) { return }
        sessions[session]?.encrypt = nil
        writer.array(try ciphertext(operation))
    }

    private func ciphertext(_ operation: CipherOperation) throws(CryptokiError) -> [UInt8] {
        switch (operation.scheme, operation.object.key.kind) {
        case (.oaep(let label, _), .rsa(let modulus)):
            var generator = SystemRandomNumberGenerator()
            let seed = (0..<32).map { _ in UInt8.random(in: 0...255, using: &generator) }
            return OAEP.encrypt(modulus: modulus, message: operation.input, label: label, seed: seed)
        default: throw CryptokiError(CKR_KEY_TYPE_INCONSISTENT)
        }
    }

    // MARK: Decrypting

    func decryptInit(_ reader: inout RPCReader) throws(CryptokiError) {
        let session = try readSession(&reader)
        let mechanism = try reader.mechanism()
        let handle = try reader.number()
        try reader.end()
        guard let mechanism else {
            sessions[session]?.decrypt = nil
            return
        }
        guard sessions[session]?.decrypt == nil else { throw CryptokiError(CKR_OPERATION_ACTIVE) }
        let object = try objects.key(handle)
        let scheme = try CipherScheme(mechanism, object.key.kind, CKF_DECRYPT)
        guard object.objectClass == scheme.decryptor else { throw CryptokiError(CKR_KEY_FUNCTION_NOT_PERMITTED) }
        sessions[session]?.decrypt = CipherOperation(scheme, object)
    }

    func decrypt(_ reader: inout RPCReader, _ writer: inout RPCWriter) throws(CryptokiError) {
        let session = try readSession(&reader)
        let data = Array(try reader.array())
        let room = try reader.room()
        try reader.end()
        let operation = try begun(sessions[session]?.decrypt)
        guard !operation.isUnderWay else {
            sessions[session]?.decrypt = nil
            throw CryptokiError(CKR_OPERATION_ACTIVE)
        }
        try finish(session, operation, data, room, &writer)
    }

    func decryptUpdate(_ reader: inout RPCReader, _ writer: inout RPCWriter) throws(CryptokiError) {
        let session = try readSession(&reader)
        let part = Array(try reader.array())
        let room = try reader.room()
        try reader.end()
        var operation = try begun(sessions[session]?.decrypt)
        guard room != nil else { return writer.arrayLength(0) }
        sessions[session]?.decrypt = nil
        guard kept + operation.input.count + part.count <= Cryptoki.inputLimit else {
            throw CryptokiError(CKR_HOST_MEMORY)
        }
        operation.isUnderWay = true
        try operation.take(part, limit: operation.scheme.ciphertextLimit, CKR_ENCRYPTED_DATA_LEN_RANGE)
        sessions[session]?.decrypt = operation
        // Nothing is given out before all of it is authenticated.
        writer.array([])
    }

    func decryptFinal(_ reader: inout RPCReader, _ writer: inout RPCWriter) throws(CryptokiError) {
        let session = try readSession(&reader)
        let room = try reader.room()
        try reader.end()
        try finish(session, try begun(sessions[session]?.decrypt), [], room, &writer)
    }

    /// Decrypts, unless the caller only asks for the length: then it is told the most that can come, and nothing is
    /// decrypted. A caller that has less room, but enough for the plaintext, gets it.
    private func finish(
        _ session: UInt, _ begun: CipherOperation, _ data: [UInt8], _ room: Int?, _ writer: inout RPCWriter
    ) throws(CryptokiError) {
        var operation = begun
        guard let room, room > 0 else {
            let bound = operation.scheme.plaintextBound(operation.input.count + data.count)
            // A plaintext without bytes needs no room.
            if room == nil || bound > 0 { return writer.arrayLength(bound) }
            return try finish(session, operation, data, 1, &writer)
        }
        sessions[session]?.decrypt = nil
        try operation.take(data, limit: operation.scheme.ciphertextLimit, CKR_ENCRYPTED_DATA_LEN_RANGE)
        let plaintext = try plaintext(operation)
        guard plaintext.count <= room else {
            sessions[session]?.decrypt = begun
            return writer.arrayLength(plaintext.count)
        }
        writer.array(plaintext)
    }

    private func plaintext(_ operation: CipherOperation) throws(CryptokiError) -> [UInt8] {
        switch operation.scheme {
        case .oaep(let label, let size):
            guard operation.input.count == size else { throw CryptokiError(CKR_ENCRYPTED_DATA_LEN_RANGE) }
            return try agent.decrypt(operation.object.key, operation.input, associated: label)
        case .gcm(let nonce, let associated):
            guard operation.input.count >= CipherScheme.tagLength else {
                throw CryptokiError(CKR_ENCRYPTED_DATA_LEN_RANGE)
            }
            return try agent.decrypt(operation.object.key, nonce + operation.input, associated: associated)
        }
    }

    // MARK: Both

    private func begun(_ operation: CipherOperation?) throws(CryptokiError) -> CipherOperation {
        guard let operation else { throw CryptokiError(CKR_OPERATION_NOT_INITIALIZED) }
        return operation
    }

    private func isLengthQuery(_ length: Int, _ room: Int?, _ writer: inout RPCWriter) -> Bool {
        if let room, room >= length { return false }
        writer.arrayLength(length)
        return true
    }

    /// Bytes that the operations of all sessions keep.
    var kept: Int {
        sessions.values.reduce(0) {
            $0 + ($1.sign?.kept ?? 0) + ($1.verify?.kept ?? 0) + ($1.encrypt?.input.count ?? 0)
                + ($1.decrypt?.input.count ?? 0)
        }
    }
}
