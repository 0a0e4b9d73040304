extension SignedIdentity {
    /// Makes the document of an identity that replaces no other, from the signature that `sign` gives.
    /// - Throws: what `sign` throws, and `FormatError` where its signature does not verify.
    public init(signing identity: Identity, with sign: DocumentSign) throws {
        guard identity.previous == nil else {
            throw FormatError(.invalidArgument, "an identity that replaces another needs that one's consent")
        }
        try self.init(signing: identity, with: sign, agreed: [])
    }

    /// Makes the document of an identity that replaces `predecessor`.
    /// - Parameters:
    ///   - sign: signs with the new identity's key.
    ///   - consents: one, or both, of the predecessor's own and its recovery key's.
    /// - Throws: what the closures throw, and `FormatError` where a signature does not verify.
    public init(
        signing identity: Identity, with sign: DocumentSign, replacing predecessor: SignedIdentity,
        by consents: [Consent]
    ) throws {
        let hash = try identity.hash
        let agreed = try consents.map {
            try $0.signature(of: predecessor.identity, context: SignedBytes.identity, hash: hash)
        }
        // The recovery key's word costs a person's effort; it is looked at before an HSM is asked to sign.
        try DocumentSignature.verifyRecovery(agreed, context: SignedBytes.identity, hash: hash)
        try self.init(signing: identity, with: sign, agreed: agreed)
        _ = try verifySuccession(of: predecessor)
    }

    private init(signing identity: Identity, with sign: DocumentSign, agreed: [DocumentSignature]) throws {
        guard identity.pq == nil else {
            throw FormatError(.unsupported, "identities with a post-quantum signing key are not made by this version")
        }
        let signature = try identity.signing.normalised(sign(SignedBytes.identity, identity.hash))
        let own = DocumentSignature(role: .own, signature: signature)
        try self.init(block: SignedIdentity.encode(identity, [own] + agreed))
    }

    static func encode(_ identity: Identity, _ signatures: [DocumentSignature]) throws -> [UInt8] {
        try DAGCBOR.encode(.map(["identity": identity.value, "signatures": .list(signatures.map(\.value))]))
    }
}
