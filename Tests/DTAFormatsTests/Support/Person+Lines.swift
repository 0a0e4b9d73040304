import Crypto

@testable import DTAFormats

/// An offline recovery key.
struct Recovery {
    var key = Curve25519.Signing.PrivateKey()

    var raw: [UInt8] { Array(key.publicKey.rawRepresentation) }
    var fingerprint: [UInt8] { Array(SHA256.hash(data: raw)) }
    var consent: Consent { .recovery(key: raw, sign: sign) }

    func sign(_ context: String, _ hash: [UInt8]) throws -> [UInt8] {
        Array(try key.signature(for: SignedBytes.make(context: context, hash: hash)))
    }
}

extension Person {
    /// What rotating, revoking and recovering need.
    var consent: Consent { .previous(sign: sign) }

    /// An identity of this person's keys, which is not signed yet.
    func identity(
        replacing previous: CID? = nil, recovery: Recovery? = nil, pq: MLDSA65.PrivateKey? = nil, name: String = "alice"
    ) throws -> Identity {
        try Identity(
            name: name, created: 1_760_000_000, signing: Person.publicKey(signing), kem: kem,
            pq: pq.map { Array($0.publicKey.rawRepresentation) }, recovery: recovery?.fingerprint, previous: previous)
    }

    /// Somebody new.
    static func with(recovery: Recovery? = nil, p256: Bool = false) throws -> (person: Person, document: SignedIdentity)
    {
        let person = try Person("alice", p256: p256)
        return (person, try SignedIdentity(signing: person.identity(recovery: recovery), with: person.sign))
    }

    /// Somebody with new keys who replaces another.
    static func replacing(
        _ predecessor: SignedIdentity, by consents: [Consent], recovery: Recovery? = nil, p256: Bool = false
    ) throws -> (person: Person, document: SignedIdentity) {
        let person = try Person("alice", p256: p256)
        let identity = try person.identity(replacing: predecessor.cid, recovery: recovery)
        let document = try SignedIdentity(
            signing: identity, with: person.sign, replacing: predecessor, by: consents)
        return (person, document)
    }
}
