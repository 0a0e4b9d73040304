import CustodyProtocol
import DTAFormats

/// The keys with which an identity signs documents: its own on the token, and beside it the post-quantum one that it may
/// have.
package struct DocumentKeys: Sendable {
    let signing: ObjectID
    package let postQuantum: PostQuantumKey?

    package func sign(_ custodian: any Custodian) -> DocumentSign {
        { try custodian.ask(SignDocument(id: signing, context: $0, hash: $1)) }
    }

    /// Nil where there is no such key, and then no such signature either.
    package func signPostQuantum(_ custodian: any Custodian) -> DocumentSign? {
        postQuantum.map { key in
            { try custodian.ask(SignPostQuantum(signing: signing, key: key, context: $0, hash: $1)) }
        }
    }

    /// That the identity is replaced or revoked.
    func consent(_ custodian: any Custodian) -> Consent {
        .previous(sign: sign(custodian), postQuantum: signPostQuantum(custodian))
    }
}

/// What a custodian made for an identity, and the identity that it makes, which nobody has signed.
struct MadeIdentity: Sendable {
    let identity: Identity
    /// The ML-KEM seed.
    let sealedSeed: [UInt8]
    let keys: DocumentKeys
}
