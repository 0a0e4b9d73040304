import Crypto

/// The signatures by which an identity's holder agrees that it is replaced or revoked.
extension DocumentSignature {
    var isConsent: Bool { role == .previous || role == .recovery }

    /// Checks, without the identity in question, that the recovery key signed.
    static func verifyRecovery(_ signatures: [DocumentSignature], context: String, hash: [UInt8]) throws {
        for signature in signatures {
            guard let key = signature.key else { continue }
            try SigningKey(PublicKey(.ed25519, raw: key)).verify(signature.signature, context: context, hash: hash)
        }
    }

    /// Checks every consent among `signatures` against the identity that is replaced or revoked.
    /// - Returns: the key that agreed: recovery if the recovery key signed.
    /// - Throws: `FormatError.badSignature` if one does not fit, is missing, or is one too many.
    static func verifyConsent(
        _ signatures: [DocumentSignature], of identity: Identity, context: String, hash: [UInt8]
    ) throws -> Authority {
        var authority: Authority?
        for signature in signatures where signature.isConsent {
            if let key = signature.key {
                guard let recovery = identity.recovery else {
                    throw FormatError(.badSignature, "a recovery key signed, but that identity names none")
                }
                guard Array(SHA256.hash(data: key)) == recovery else {
                    throw FormatError(
                        .badSignature, "the recovery key that signed is not the one that the identity names")
                }
                try verifyRecovery([signature], context: context, hash: hash)
                authority = .recovery
            } else {
                try identity.signing.verify(signature.signature, context: context, hash: hash)
                try verifyPostQuantumConsent(signature, of: identity, context: context, hash: hash)
                authority = authority ?? .previous
            }
        }
        guard let authority else {
            throw FormatError(.badSignature, "neither the identity itself nor its recovery key agreed")
        }
        return authority
    }

    /// An identity with a post-quantum key agrees with both of its keys: otherwise a forger of one kind of signature
    /// could end it.
    private static func verifyPostQuantumConsent(
        _ signature: DocumentSignature, of identity: Identity, context: String, hash: [UInt8]
    ) throws {
        switch (identity.pq, signature.postQuantum) {
        case (nil, nil): return
        case (let key?, let postQuantum?):
            try verify(postQuantum, postQuantum: key, context: context, hash: hash)
        case (_?, nil):
            throw FormatError(.badSignature, "the identity has a post-quantum key, which did not agree")
        case (nil, _?):
            throw FormatError(.badSignature, "a post-quantum key signed, but that identity has none")
        }
    }
}
