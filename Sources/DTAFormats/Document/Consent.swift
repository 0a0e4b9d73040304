/// Signs a document's hash as a context says: context ‖ 00 ‖ hash. It answers 64 bytes (for P-256 raw r ‖ s, with
/// either s), or 3309 from an ML-DSA-65 key.
public typealias DocumentSign = (_ context: String, _ hash: [UInt8]) throws -> [UInt8]

/// The agreement of an identity's holder that it is replaced or revoked, given when the document is made.
public enum Consent {
    /// By the identity's own signing key; `postQuantum` is needed exactly if it has an ML-DSA-65 key as well.
    case previous(sign: DocumentSign, postQuantum: DocumentSign? = nil)
    /// By the offline Ed25519 key (32 bytes) whose SHA-256 the identity names.
    case recovery(key: [UInt8], sign: DocumentSign)

    var role: DocumentSignature.Role {
        switch self {
        case .previous: .previous
        case .recovery: .recovery
        }
    }

    func signature(of identity: Identity, context: String, hash: [UInt8]) throws -> DocumentSignature {
        switch self {
        case .previous(let sign, let postQuantum):
            return DocumentSignature(
                role: .previous, signature: try identity.signing.normalised(sign(context, hash)),
                postQuantum: try postQuantum?(context, hash))
        case .recovery(let key, let sign):
            return DocumentSignature(role: .recovery, signature: try sign(context, hash), key: key)
        }
    }
}

/// The key by which an identity's holder agreed to its end. A recovery key overrules the identity's own keys, which may
/// be stolen.
public enum Authority: String, Sendable, Hashable, CaseIterable {
    case previous
    case recovery
}
