/// One builder an operation: each sets exactly the fields that the operation reads (agent.proto).
extension AgentRequest {
    /// A request of this protocol's version; its `id` is set by the client that sends it.
    public init(_ operation: AgentOperation, subject: String = "", data: some Sequence<UInt8> = []) {
        self.init()
        version = AgentFrame.version
        self.operation = operation
        self.subject = subject
        self.data = .init(data)
    }

    public static func status() -> AgentRequest { AgentRequest(.status) }

    public static func createKey(_ name: String, type: AgentKeyType) -> AgentRequest {
        var request = AgentRequest(.keyCreate, subject: name)
        request.keyType = type
        return request
    }

    public static func showKey(_ name: String) -> AgentRequest { AgentRequest(.keyShow, subject: name) }

    public static func deleteKey(_ name: String) -> AgentRequest { AgentRequest(.keyDelete, subject: name) }

    /// Keys on the token that the agent's database does not name.
    ///
    /// - Parameter decision: `"name"`, `"destroy"`; `""` only tells of them.
    /// - Parameter object: which one: 32 hexadecimal digits.
    /// - Parameter name: the name that it gets.
    public static func unnamedKeys(decision: String = "", object: String = "", name: String = "") -> AgentRequest {
        var request = AgentRequest(.keyUnnamed, subject: object)
        request.decision = decision
        request.alias = name
        return request
    }

    /// - Parameters:
    ///   - message: what is signed, up to 256 KiB; with `prehashed` its digest, of exactly the key's hash length.
    ///   - format: raw where unspecified.
    public static func sign(
        key: String, message: some Sequence<UInt8>, prehashed: Bool = false, format: AgentSignatureFormat = .unspecified
    ) -> AgentRequest {
        var request = AgentRequest(.sign, subject: key, data: message)
        request.prehashed = prehashed
        request.format = format
        return request
    }

    public static func verify(
        key: String, message: some Sequence<UInt8>, signature: some Sequence<UInt8>, prehashed: Bool = false,
        format: AgentSignatureFormat = .unspecified
    ) -> AgentRequest {
        var request = AgentRequest(.verify, subject: key, data: message)
        request.signature = .init(signature)
        request.prehashed = prehashed
        request.format = format
        return request
    }

    public static func mac(key: String, message: some Sequence<UInt8>) -> AgentRequest {
        AgentRequest(.mac, subject: key, data: message)
    }

    /// - Parameter aad: authenticated with the ciphertext and not encrypted, up to 64 KiB.
    public static func encrypt(
        key: String, plaintext: some Sequence<UInt8>, aad: some Sequence<UInt8> = []
    ) -> AgentRequest {
        var request = AgentRequest(.encrypt, subject: key, data: plaintext)
        request.aad = .init(aad)
        return request
    }

    /// - Parameter sealed: what encrypting answered: nonce (12 bytes), ciphertext, tag (16 bytes).
    public static func decrypt(
        key: String, sealed: some Sequence<UInt8>, aad: some Sequence<UInt8> = []
    ) -> AgentRequest {
        var request = AgentRequest(.decrypt, subject: key, data: sealed)
        request.aad = .init(aad)
        return request
    }

    /// - Parameter count: 1 to 65,536 bytes.
    public static func random(_ count: UInt32) -> AgentRequest {
        var request = AgentRequest(.random)
        request.count = count
        return request
    }

    /// - Parameters:
    ///   - permission: sign, mac, encrypt, decrypt, public, manage, seal or open.
    ///   - uid: the user to explain; the caller where nil.
    public static func explainPolicy(subject: String, permission: String, uid: UInt32? = nil) -> AgentRequest {
        var request = AgentRequest(.policyExplain, subject: subject)
        request.permission = permission
        if let uid { request.uid = uid }
        return request
    }

    /// One page of a list: of `.keyList`, `.auditList`, `.identityList` or `.ledgerList`.
    /// - Parameters:
    ///   - count: rows, at most 1,000; 100 where 0.
    ///   - cursor: of the answer before; "" at the start.
    public static func list(_ operation: AgentOperation, count: UInt32 = 0, cursor: String = "") -> AgentRequest {
        var request = AgentRequest(operation)
        request.count = count
        request.cursor = cursor
        return request
    }

    public static func verifyAudit() -> AgentRequest { AgentRequest(.auditVerify) }

    public static func archiveAudit() -> AgentRequest { AgentRequest(.auditArchive) }

    public static func acceptAudit() -> AgentRequest { AgentRequest(.auditAccept) }

    /// - Parameter contentType: application/vnd.ipld.raw where "", or application/vnd.ipld.dag-cbor.
    public static func putBlock(_ block: some Sequence<UInt8>, contentType: String = "") -> AgentRequest {
        var request = AgentRequest(.ledgerPut, data: block)
        request.contentType = contentType
        return request
    }

    public static func getBlock(_ cid: String) -> AgentRequest { AgentRequest(.ledgerGet, subject: cid) }
}
