import DTASystem

/// The operations that programs use most, with values instead of messages. Each throws as ``call(_:timeout:)`` does.
extension AgentClient {
    /// The agent's state: names and values, in the agent's order.
    public func status() async throws -> [(name: String, value: String)] {
        try await call(.status()).fields.map { ($0.name, $0.value) }
    }

    /// Makes a key in the HSM.
    public func createKey(_ name: String, type: AgentKeyType) async throws -> AgentKey {
        // Some tokens need many seconds to make a key, and two minutes for one of RSA.
        try only(await call(.createKey(name, type: type), timeout: .seconds(150)).keys)
    }

    /// A key, with its public half as SubjectPublicKeyInfo in DER, which is empty for symmetric keys.
    public func key(_ name: String) async throws -> AgentKey {
        try only(await call(.showKey(name)).keys)
    }

    /// All keys that the caller may see.
    public func keys() async throws -> [AgentKey] {
        try await all(.keyList, \.keys)
    }

    /// Deletes a key from the HSM, for ever.
    public func deleteKey(_ name: String) async throws {
        _ = try await call(.deleteKey(name))
    }

    /// Signs: ``AgentRequest/sign(key:message:prehashed:format:scheme:)``.
    public func sign(
        key: String, message: some Sequence<UInt8>, prehashed: Bool = false,
        format: AgentSignatureFormat = .unspecified, scheme: AgentSignatureScheme = .unspecified
    ) async throws -> [UInt8] {
        try await [UInt8](
            call(.sign(key: key, message: message, prehashed: prehashed, format: format, scheme: scheme)).data)
    }

    /// Whether a signature fits: ``AgentRequest/verify(key:message:signature:prehashed:format:scheme:)``.
    public func verify(
        key: String, message: some Sequence<UInt8>, signature: some Sequence<UInt8>, prehashed: Bool = false,
        format: AgentSignatureFormat = .unspecified, scheme: AgentSignatureScheme = .unspecified
    ) async throws -> Bool {
        try await call(
            .verify(
                key: key, message: message, signature: signature, prehashed: prehashed, format: format, scheme: scheme)
        ).valid
    }

    /// HMAC-SHA256, 32 bytes.
    public func mac(key: String, message: some Sequence<UInt8>) async throws -> [UInt8] {
        try await [UInt8](call(.mac(key: key, message: message)).data)
    }

    /// Nonce (12), ciphertext and tag (16): ``AgentRequest/encrypt(key:plaintext:aad:)``.
    public func encrypt(
        key: String, plaintext: some Sequence<UInt8>, aad: some Sequence<UInt8> = []
    ) async throws -> [UInt8] {
        try await [UInt8](call(.encrypt(key: key, plaintext: plaintext, aad: aad)).data)
    }

    /// The plaintext: ``AgentRequest/decrypt(key:sealed:aad:)``.
    public func decrypt(
        key: String, sealed: some Sequence<UInt8>, aad: some Sequence<UInt8> = []
    ) async throws -> [UInt8] {
        try await [UInt8](call(.decrypt(key: key, sealed: sealed, aad: aad)).data)
    }

    /// 1 to 65,536 bytes from the HSM's generator.
    public func random(_ count: UInt32) async throws -> [UInt8] {
        try await [UInt8](call(.random(count)).data)
    }

    /// Makes an identity. The result is its CID.
    public func createIdentity(_ name: String) async throws -> String {
        try await call(.createIdentity(name), timeout: .seconds(120)).cid
    }

    /// All identities that the agent knows and the caller may see.
    public func identities() async throws -> [AgentIdentity] {
        try await all(.identityList, \.identities)
    }

    /// Seals an envelope and stores it. The result is its CID.
    public func sealEnvelope(
        from: String, to: [String], plaintext: some Sequence<UInt8>, contentType: String = ""
    ) async throws -> String {
        try await call(.sealEnvelope(from: from, to: to, plaintext: plaintext, contentType: contentType)).cid
    }

    /// The plaintext of an envelope whose body is not in chunks: ``AgentRequest/openEnvelope(_:as:allowUntrusted:)``.
    public func openEnvelope(_ cid: String, as identity: String? = nil) async throws -> [UInt8] {
        try await [UInt8](call(.openEnvelope(cid, as: identity)).data)
    }

    /// Stores a block. The result is its CID.
    public func putBlock(_ block: some Sequence<UInt8>, contentType: String = "") async throws -> String {
        try await call(.putBlock(block, contentType: contentType)).cid
    }

    /// Reads a block.
    public func getBlock(_ cid: String) async throws -> [UInt8] {
        try await [UInt8](call(.getBlock(cid)).data)
    }

    private func all<Row>(_ operation: AgentOperation, _ rows: (AgentResponse) -> [Row]) async throws -> [Row] {
        var result: [Row] = []
        var cursor = ""
        repeat {
            let page = try await call(.list(operation, count: 1000, cursor: cursor))
            result += rows(page)
            cursor = page.cursor
        } while !cursor.isEmpty
        return result
    }

    private func only(_ keys: [AgentKey]) throws -> AgentKey {
        guard let key = keys.first else { throw DTAError(.internal, "the agent answered without the key") }
        return key
    }
}
