extension SignedIdentity {
    /// Makes the document of an identity that replaces no other, with the signature of `sign`.
    /// - Parameter identity: the new identity, with its public keys.
    /// - Parameter sign: signs with its key.
    /// - Parameter postQuantum: signs with its ML-DSA-65 key; needed exactly if it has one.
    /// - Throws: what `sign` throws, and `FormatError` if its signature does not verify.
    public init(signing identity: Identity, with sign: DocumentSign, postQuantum: DocumentSign? = nil) throws {
        guard identity.previous == nil else {
            throw FormatError(.invalidArgument, "an identity that replaces another needs that one's consent")
        }
        try self.init(signing: identity, with: sign, postQuantum: postQuantum, agreed: [])
    }

    /// Makes the document of an identity that replaces `predecessor`.
    /// - Parameter identity: the new identity, with its public keys.
    /// - Parameter sign: signs with its key.
    /// - Parameter postQuantum: signs with its ML-DSA-65 key; needed exactly if it has one.
    /// - Parameter predecessor: the identity that is replaced.
    /// - Parameter consents: the predecessor's own, or its recovery key's: exactly one.
    /// - Throws: what the closures throw, and `FormatError` if a signature does not verify.
    public init(
        signing identity: Identity, with sign: DocumentSign, postQuantum: DocumentSign? = nil,
        replacing predecessor: SignedIdentity, by consents: [Consent]
    ) throws {
        let hash = try identity.hash
        let agreed = try consents.map {
            try $0.signature(of: predecessor.identity, context: SignedBytes.identity, hash: hash)
        }
        // A person had to fetch the recovery key, so its signature is checked before an HSM is asked to sign.
        try DocumentSignature.verifyRecovery(agreed, context: SignedBytes.identity, hash: hash)
        try self.init(signing: identity, with: sign, postQuantum: postQuantum, agreed: agreed)
        _ = try verifySuccession(of: predecessor)
    }

    private init(
        signing identity: Identity, with sign: DocumentSign, postQuantum: DocumentSign?, agreed: [DocumentSignature]
    ) throws {
        var signatures = try DocumentSignature.make(
            by: identity, context: SignedBytes.identity, hash: identity.hash, with: sign, postQuantum: postQuantum)
        signatures.insert(contentsOf: agreed, at: 1)
        try self.init(block: SignedIdentity.encode(identity, signatures))
    }

    static func encode(_ identity: Identity, _ signatures: [DocumentSignature]) throws -> [UInt8] {
        try DAGCBOR.encode(.map(["identity": identity.value, "signatures": .list(signatures.map(\.value))]))
    }
}
