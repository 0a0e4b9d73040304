import CustodyProtocol
import DTAFormats

/// The keys with which an identity signs documents: its own key on the token, and a post-quantum key if it has one.
package struct DocumentKeys: Sendable {
    let signing: ObjectID
    package let postQuantum: PostQuantumKey?

    package func sign(_ custodian: any Custodian) -> DocumentSign {
        { try custodian.ask(SignDocument(id: signing, context: $0, hash: $1)) }
    }

    /// Nil if there is no such key; then there is no such signature either.
    package func signPostQuantum(_ custodian: any Custodian) -> DocumentSign? {
        postQuantum.map { key in
            { try custodian.ask(SignPostQuantum(signing: signing, key: key, context: $0, hash: $1)) }
        }
    }

    /// The identity's consent to be replaced or revoked.
    func consent(_ custodian: any Custodian) -> Consent {
        .previous(sign: sign(custodian), postQuantum: signPostQuantum(custodian))
    }
}

/// What a custodian made for an identity, and the identity itself, not signed yet.
struct MadeIdentity: Sendable {
    let identity: Identity
    /// The ML-KEM seed.
    let sealedSeed: [UInt8]
    let keys: DocumentKeys
}
