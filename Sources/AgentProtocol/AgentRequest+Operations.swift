/// One builder for each operation. It sets exactly the fields that the operation reads (`agent.proto`).
extension AgentRequest {
    /// A request of this protocol's version. The client that sends it sets its `id`.
    /// - Parameter operation: what is asked.
    /// - Parameter subject: what the request is about: the name of a key or identity, or a CID.
    /// - Parameter data: what the operation works on.
    public init(_ operation: AgentOperation, subject: String = "", data: some Sequence<UInt8> = []) {
        self.init()
        version = AgentFrame.version
        self.operation = operation
        self.subject = subject
        self.data = .init(data)
    }

    /// Asks for the agent's state.
    public static func status() -> AgentRequest { AgentRequest(.status) }

    /// Makes a key in the HSM.
    /// - Parameter name: 1 to 64 of `a-z A-Z 0-9 . _ -`, the first a letter or digit.
    /// - Parameter type: the key's.
    public static func createKey(_ name: String, type: AgentKeyType) -> AgentRequest {
        var request = AgentRequest(.keyCreate, subject: name)
        request.keyType = type
        return request
    }

    /// Shows a key, with its public half.
    /// - Parameter name: the key's.
    public static func showKey(_ name: String) -> AgentRequest { AgentRequest(.keyShow, subject: name) }

    /// Deletes a key from the HSM, for ever.
    /// - Parameter name: the key's.
    public static func deleteKey(_ name: String) -> AgentRequest { AgentRequest(.keyDelete, subject: name) }

    /// Lists the keys on the token that the agent's database does not name, or decides about one. For administrators.
    /// - Parameter decision: `name` or `destroy`; "": only list them.
    /// - Parameter object: the key's object, 32 hexadecimal digits.
    /// - Parameter name: the name that it gets.
    public static func unnamedKeys(decision: String = "", object: String = "", name: String = "") -> AgentRequest {
        var request = AgentRequest(.keyUnnamed, subject: object)
        request.decision = decision
        request.alias = name
        return request
    }

    /// Begins to import a key: asks for a key to wrap it to.
    /// - Parameter name: 1 to 64 of `a-z A-Z 0-9 . _ -`, the first a letter or digit.
    /// - Parameter type: the key's.
    /// - Parameter nonce: 32 random bytes, which the answer's signature covers.
    public static func beginKeyImport(_ name: String, type: AgentKeyType, nonce: [UInt8]) -> AgentRequest {
        var request = AgentRequest(.keyImportBegin, subject: name, data: nonce)
        request.keyType = type
        return request
    }

    /// Has the agent record that what was to be imported cannot be. It answers INVALID_ARGUMENT.
    /// - Parameter name: the name that the key would have had.
    /// - Parameter why: a word, such as `encrypted`.
    public static func refuseKeyImport(_ name: String, why: String) -> AgentRequest {
        var request = AgentRequest(.keyImportBegin, subject: name)
        request.decision = why
        return request
    }

    /// Imports a key.
    /// - Parameter object: the `cursor` of the answer to ``beginKeyImport(_:type:nonce:)``.
    /// - Parameter wrapped: the key, wrapped to the key of that answer.
    public static func importKey(
        _ name: String, type: AgentKeyType, object: String, wrapped: [UInt8]
    ) -> AgentRequest {
        var request = AgentRequest(.keyImport, subject: name, data: wrapped)
        request.keyType = type
        request.cursor = object
        return request
    }

    /// Signs a message.
    /// - Parameter key: the key's name.
    /// - Parameter message: up to 256 KiB.
    /// - Parameter prehashed: whether `message` is the digest already, of exactly the length that the hash of the key, or
    ///   of the scheme, has.
    /// - Parameter format: the signature's; unspecified means raw.
    /// - Parameter scheme: of RSA keys, which need one, and of no others.
    public static func sign(
        key: String, message: some Sequence<UInt8>, prehashed: Bool = false,
        format: AgentSignatureFormat = .unspecified, scheme: AgentSignatureScheme = .unspecified
    ) -> AgentRequest {
        var request = AgentRequest(.sign, subject: key, data: message)
        request.prehashed = prehashed
        request.format = format
        if scheme != .unspecified { request.scheme = scheme }
        return request
    }

    /// Verifies a signature.
    /// - Parameter key: the key's name.
    /// - Parameter message: up to 256 KiB.
    /// - Parameter signature: in `format`.
    /// - Parameter prehashed: whether `message` is the digest already, of exactly the length that the hash of the key, or
    ///   of the scheme, has.
    /// - Parameter format: the signature's; unspecified means raw.
    /// - Parameter scheme: of RSA keys, which need one, and of no others.
    public static func verify(
        key: String, message: some Sequence<UInt8>, signature: some Sequence<UInt8>, prehashed: Bool = false,
        format: AgentSignatureFormat = .unspecified, scheme: AgentSignatureScheme = .unspecified
    ) -> AgentRequest {
        var request = AgentRequest(.verify, subject: key, data: message)
        request.signature = .init(signature)
        request.prehashed = prehashed
        request.format = format
        if scheme != .unspecified { request.scheme = scheme }
        return request
    }

    /// Asks for an HMAC-SHA256.
    /// - Parameter key: the key's name.
    /// - Parameter message: up to 256 KiB.
    public static func mac(key: String, message: some Sequence<UInt8>) -> AgentRequest {
        AgentRequest(.mac, subject: key, data: message)
    }

    /// Encrypts with AES-256-GCM.
    /// - Parameter key: the key's name.
    /// - Parameter plaintext: up to 256 KiB.
    /// - Parameter aad: associated data, up to 64 KiB, which is authenticated and not encrypted.
    public static func encrypt(
        key: String, plaintext: some Sequence<UInt8>, aad: some Sequence<UInt8> = []
    ) -> AgentRequest {
        var request = AgentRequest(.encrypt, subject: key, data: plaintext)
        request.aad = .init(aad)
        return request
    }

    /// Decrypts with AES-256-GCM, or, with an RSA key, by RSAES-OAEP with SHA-256 and MGF1 with SHA-256.
    /// - Parameter key: the key's name.
    /// - Parameter sealed: what ``encrypt(key:plaintext:aad:)`` answered: nonce (12), ciphertext, tag (16);
    ///   for an RSA key what was encrypted to its public half, as long as its modulus.
    /// - Parameter aad: the same associated data; OAEP's label.
    public static func decrypt(
        key: String, sealed: some Sequence<UInt8>, aad: some Sequence<UInt8> = []
    ) -> AgentRequest {
        var request = AgentRequest(.decrypt, subject: key, data: sealed)
        request.aad = .init(aad)
        return request
    }

    /// Agrees on a secret by ECDH.
    /// - Parameter key: the name of a key of type p256-ecdh or p384-ecdh.
    /// - Parameter peer: the other side's public key, an uncompressed point.
    public static func agree(key: String, peer: some Sequence<UInt8>) -> AgentRequest {
        AgentRequest(.agree, subject: key, data: peer)
    }

    /// Asks the HSM's generator for random bytes.
    /// - Parameter count: 1 to 65,536.
    public static func random(_ count: UInt32) -> AgentRequest {
        var request = AgentRequest(.random)
        request.count = count
        return request
    }

    /// What can be done with keys and identities, as ``explainPolicy(subject:permission:uid:sshLogin:)`` and grants
    /// name it.
    public static let permissions = [
        "sign", "mac", "encrypt", "decrypt", "derive", "public", "manage", "create", "seal", "open", "rotate", "revoke",
        "trust",
        "order", "approve", "fulfil",
    ]

    /// Asks whether a user may do something, and why.
    /// - Parameter subject: the name of a key or identity.
    /// - Parameter permission: one of ``permissions``.
    /// - Parameter uid: the user; nil: the caller. Only root may ask about others.
    /// - Parameter sshLogin: USER@HOST, if it is about signing a log-in by ssh.
    public static func explainPolicy(
        subject: String, permission: String, uid: UInt32? = nil, sshLogin: String = ""
    ) -> AgentRequest {
        var request = AgentRequest(.policyExplain, subject: subject)
        request.permission = permission
        if let uid { request.uid = uid }
        if !sshLogin.isEmpty { request.sshLogin = sshLogin }
        return request
    }

    /// Shows or hides a key on ssh.sock, or gives it another place there.
    /// - Parameter key: the key's name.
    /// - Parameter decision: `show`, `hide`, `first` or `last`.
    public static func arrangeSSHKey(_ key: String, decision: String) -> AgentRequest {
        var request = AgentRequest(.sshArrange, subject: key)
        request.decision = decision
        return request
    }

    /// Constrains an own key to destinations for ssh.
    /// - Parameter key: the key's name.
    /// - Parameter destinations: in the form of OpenSSH's `restrict-destination-v00@openssh.com`; none: it is no longer
    ///   constrained.
    public static func constrainSSHKey(_ key: String, destinations: some Sequence<UInt8>) -> AgentRequest {
        AgentRequest(.sshConstrain, subject: key, data: destinations)
    }

    /// Adds a certificate that ssh.sock offers beside an own key, or removes it.
    /// - Parameter key: the key's name.
    /// - Parameter decision: `add` or `remove`.
    /// - Parameter certificate: as SSH carries it; none with `remove`: all.
    public static func sshCertificate(
        _ key: String, decision: String, certificate: some Sequence<UInt8>
    ) -> AgentRequest {
        var request = AgentRequest(.sshCertificate, subject: key, data: certificate)
        request.decision = decision
        return request
    }

    /// Says whether ssh.sock asks before an own key signs.
    /// - Parameter key: the key's name.
    /// - Parameter decision: `each`, `session` or `none`.
    public static func confirmSSHKey(_ key: String, decision: String) -> AgentRequest {
        var request = AgentRequest(.sshConfirm, subject: key)
        request.decision = decision
        return request
    }

    /// Waits for the next question to the caller's user. The answer comes when there is one.
    /// - Parameter cursor: that of the answer before; "" to begin to listen, which is answered at once.
    public static func nextQuestion(after cursor: String = "") -> AgentRequest {
        var request = AgentRequest(.confirmNext)
        request.cursor = cursor
        return request
    }

    /// Answers a question to the caller's user.
    /// - Parameter question: its name, from the answer to ``nextQuestion(after:)``.
    public static func answerQuestion(_ question: String, yes: Bool) -> AgentRequest {
        var request = AgentRequest(.confirmAnswer, subject: question)
        request.decision = yes ? "yes" : "no"
        return request
    }

    /// Asks for one page of a list.
    /// - Parameter operation: one that reads `count` and `cursor`, for instance `.keyList` or `.identityList`.
    /// - Parameter count: rows, at most 1,000; 0 means 100.
    /// - Parameter cursor: that of the answer before; "" at the start.
    public static func list(_ operation: AgentOperation, count: UInt32 = 0, cursor: String = "") -> AgentRequest {
        var request = AgentRequest(operation)
        request.count = count
        request.cursor = cursor
        return request
    }

    /// Has the agent verify its audit log.
    public static func verifyAudit() -> AgentRequest { AgentRequest(.auditVerify) }

    /// Lets the older files of the audit log be moved away. For administrators.
    public static func archiveAudit() -> AgentRequest { AgentRequest(.auditArchive) }

    /// Accepts that files of the audit log are not as the agent wrote them. For administrators.
    public static func acceptAudit() -> AgentRequest { AgentRequest(.auditAccept) }

    /// Stores a block, and answers its CID.
    /// - Parameter block: up to 1 MiB.
    /// - Parameter contentType: application/vnd.ipld.raw, which "" means too, or application/vnd.ipld.dag-cbor.
    public static func putBlock(_ block: some Sequence<UInt8>, contentType: String = "") -> AgentRequest {
        var request = AgentRequest(.ledgerPut, data: block)
        request.contentType = contentType
        return request
    }

    /// Reads a block.
    /// - Parameter cid: the block's.
    public static func getBlock(_ cid: String) -> AgentRequest { AgentRequest(.ledgerGet, subject: cid) }
}
