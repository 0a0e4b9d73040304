import CPKCS11

/// Signing and verifying. Only what signs asks the agent, once for each signature.
extension Cryptoki {
    // MARK: Signing

    func signInit(_ reader: inout RPCReader) throws(CryptokiError) {
        let session = try readSession(&reader)
        let mechanism = try reader.mechanism()
        let handle = try reader.number()
        try reader.end()
        guard let mechanism else {
            sessions[session]?.sign = nil
            return
        }
        guard sessions[session]?.sign == nil else { throw CryptokiError(CKR_OPERATION_ACTIVE) }
        let object = try objects.key(handle)
        let scheme = try SigningScheme(mechanism, object.key.kind)
        guard !object.key.isForAgreement else { throw CryptokiError(CKR_KEY_FUNCTION_NOT_PERMITTED) }
        guard object.objectClass == scheme.signer else { throw CryptokiError(CKR_KEY_FUNCTION_NOT_PERMITTED) }
        sessions[session]?.sign = SigningOperation(scheme, object)
    }

    func sign(_ reader: inout RPCReader, _ writer: inout RPCWriter) throws(CryptokiError) {
        let session = try readSession(&reader)
        let data = Array(try reader.array())
        let room = try reader.room()
        try reader.end()
        var operation = try begun(sessions[session]?.sign)
        if isLengthQuery(operation, room, &writer) { return }
        // Whatever comes of it, the operation is over.
        sessions[session]?.sign = nil
        guard !operation.isUnderWay else { throw CryptokiError(CKR_OPERATION_ACTIVE) }
        try operation.take(data)
        writer.array(try signature(operation))
    }

    func signUpdate(_ reader: inout RPCReader) throws(CryptokiError) {
        let session = try readSession(&reader)
        let part = Array(try reader.array())
        try reader.end()
        var operation = try begun(sessions[session]?.sign)
        sessions[session]?.sign = nil
        try takePart(part, &operation)
        sessions[session]?.sign = operation
    }

    func signFinal(_ reader: inout RPCReader, _ writer: inout RPCWriter) throws(CryptokiError) {
        let session = try readSession(&reader)
        let room = try reader.room()
        try reader.end()
        let operation = try begun(sessions[session]?.sign)
        if isLengthQuery(operation, room, &writer) { return }
        sessions[session]?.sign = nil
        writer.array(try signature(operation))
    }

    private func begun(_ operation: SigningOperation?) throws(CryptokiError) -> SigningOperation {
        guard let operation else { throw CryptokiError(CKR_OPERATION_NOT_INITIALIZED) }
        return operation
    }

    /// Whether the caller has no room for the signature. It is told the length; nothing is signed, and the operation goes
    /// on (PKCS#11 2.40, 5.2).
    private func isLengthQuery(_ operation: SigningOperation, _ room: Int?, _ writer: inout RPCWriter) -> Bool {
        let length = operation.scheme.signatureLength
        if let room, room >= length { return false }
        writer.arrayLength(length)
        return true
    }

    private func takePart(_ part: [UInt8], _ operation: inout SigningOperation) throws(CryptokiError) {
        guard kept + operation.kept + part.count <= Cryptoki.inputLimit else { throw CryptokiError(CKR_HOST_MEMORY) }
        operation.isUnderWay = true
        try operation.take(part)
    }

    private func signature(_ operation: SigningOperation) throws(CryptokiError) -> [UInt8] {
        let key = operation.object.key
        switch operation.scheme {
        case .ecdsa(let curve, _): return try agent.sign(key, try operation.digest(for: curve), isDigest: true)
        case .ed25519: return try agent.sign(key, operation.message, isDigest: false)
        case .hmac: return try agent.mac(key, operation.message)
        case .rsaDigestInfo, .rsa:
            let (scheme, digest) = try operation.rsaDigest()
            return try agent.sign(key, digest: digest, by: scheme)
        }
    }

    // MARK: Verifying

    func verifyInit(_ reader: inout RPCReader) throws(CryptokiError) {
        let session = try readSession(&reader)
        let mechanism = try reader.mechanism()
        let handle = try reader.number()
        try reader.end()
        guard let mechanism else {
            sessions[session]?.verify = nil
            return
        }
        guard sessions[session]?.verify == nil else { throw CryptokiError(CKR_OPERATION_ACTIVE) }
        let object = try objects.key(handle)
        let scheme = try SigningScheme(mechanism, object.key.kind)
        guard !object.key.isForAgreement else { throw CryptokiError(CKR_KEY_FUNCTION_NOT_PERMITTED) }
        guard object.objectClass == scheme.verifier else { throw CryptokiError(CKR_KEY_FUNCTION_NOT_PERMITTED) }
        sessions[session]?.verify = SigningOperation(scheme, object)
    }

    func verify(_ reader: inout RPCReader) throws(CryptokiError) {
        let session = try readSession(&reader)
        let data = Array(try reader.array())
        let signature = Array(try reader.array())
        try reader.end()
        var operation = try begun(sessions[session]?.verify)
        sessions[session]?.verify = nil
        guard !operation.isUnderWay else { throw CryptokiError(CKR_OPERATION_ACTIVE) }
        try operation.take(data)
        try check(signature, operation)
    }

    func verifyUpdate(_ reader: inout RPCReader) throws(CryptokiError) {
        let session = try readSession(&reader)
        let part = Array(try reader.array())
        try reader.end()
        var operation = try begun(sessions[session]?.verify)
        sessions[session]?.verify = nil
        try takePart(part, &operation)
        sessions[session]?.verify = operation
    }

    func verifyFinal(_ reader: inout RPCReader) throws(CryptokiError) {
        let session = try readSession(&reader)
        let signature = Array(try reader.array())
        try reader.end()
        let operation = try begun(sessions[session]?.verify)
        sessions[session]?.verify = nil
        try check(signature, operation)
    }

    private func check(_ signature: [UInt8], _ operation: SigningOperation) throws(CryptokiError) {
        guard signature.count == operation.scheme.signatureLength else {
            throw CryptokiError(CKR_SIGNATURE_LEN_RANGE)
        }
        guard try isValid(signature, operation) else { throw CryptokiError(CKR_SIGNATURE_INVALID) }
    }

    private func isValid(_ signature: [UInt8], _ operation: SigningOperation) throws(CryptokiError) -> Bool {
        let key = operation.object.key
        switch (operation.scheme, key.kind) {
        case (.ecdsa(.secp256k1, _), _):
            // libnettle does not know the curve.
            return try agent.verify(key, digest: try operation.digest(for: .secp256k1), signature: signature)
        case (.ecdsa(let curve, _), .ec(_, let point)):
            return SignatureCheck.ecdsa(
                curve, point: point, digest: try operation.digest(for: curve), signature: signature)
        case (.ed25519, .ed25519(let point)):
            return SignatureCheck.ed25519(key: point, message: operation.message, signature: signature)
        case (.rsaDigestInfo, .rsa(let modulus)), (.rsa, .rsa(let modulus)):
            let (scheme, digest) = try operation.rsaDigest()
            return SignatureCheck.rsa(modulus: modulus, scheme, digest: digest, signature: signature)
        case (.hmac, _):
            let own = try agent.mac(key, operation.message)
            // In the same time wherever they differ.
            return own.count == signature.count && zip(own, signature).reduce(0) { $0 | ($1.0 ^ $1.1) } == 0
        default: throw CryptokiError(CKR_KEY_TYPE_INCONSISTENT)
        }
    }
}

extension SigningOperation {
    /// Bytes that are kept of what is to be signed.
    var kept: Int {
        if case .whole(let bytes) = input { return bytes.count }
        return 0
    }

    mutating func take(_ part: [UInt8]) throws(CryptokiError) {
        switch input {
        case .whole(let bytes):
            guard bytes.count + part.count <= scheme.inputLimit else { throw CryptokiError(CKR_DATA_LEN_RANGE) }
            input = .whole(bytes + part)
        case .digest(var running):
            running.update(part)
            input = .digest(running)
        }
    }

    /// The message of a scheme that takes it whole.
    var message: [UInt8] {
        if case .whole(let bytes) = input { return bytes }
        return []
    }

    /// The digest that an RSA key signs, and how.
    func rsaDigest() throws(CryptokiError) -> (scheme: RSAScheme, digest: [UInt8]) {
        switch (scheme, input) {
        case (.rsaDigestInfo, .whole(let info)):
            guard let (hash, digest) = RSAScheme.read(digestInfo: info) else { throw CryptokiError(CKR_DATA_INVALID) }
            return (RSAScheme(padding: .pkcs1, hash: hash), digest)
        case (.rsa(let scheme, _, _), .whole(let digest)):
            guard digest.count == scheme.hash.length else { throw CryptokiError(CKR_DATA_LEN_RANGE) }
            return (scheme, digest)
        case (.rsa(let scheme, _, _), .digest(var running)): return (scheme, running.finish())
        default: throw CryptokiError(CKR_KEY_TYPE_INCONSISTENT)
        }
    }

    /// A digest of the length that the curve's keys sign. ECDSA takes the leftmost bits of a longer one, and a shorter one
    /// as the number that it is (FIPS 186-5, 6.4.1; RFC 6979, 2.3.2).
    func digest(for curve: Curve) throws(CryptokiError) -> [UInt8] {
        let bytes: [UInt8]
        switch input {
        case .whole(let given): bytes = given
        case .digest(var running): bytes = running.finish()
        }
        guard !bytes.isEmpty else { throw CryptokiError(CKR_DATA_LEN_RANGE) }
        let length = curve.hash.length
        return [UInt8](repeating: 0, count: max(0, length - bytes.count)) + bytes.prefix(length)
    }
}
