import Crypto
import TestSupport

@testable import DTAFormats

/// `docs/vectors/line.json`: identities that replace and revoke each other, and how they stand.
struct LineVector: Codable {
    var about: String
    /// The private keys of those who sign, by name.
    var keys: [String: KeysVector]
    var documents: [DocumentVector]
    var judgements: [JudgementVector]

    struct KeysVector: Codable {
        var signingSeed: String
        var mlkemSeed: String
        var x25519Private: String
        /// Of an ML-DSA-65 key.
        var pqSeed: String?
        /// Of the recovery key that the identity names.
        var recoverySeed: String?
    }

    struct DocumentVector: Codable {
        var name: String
        /// `identity` or `revocation`.
        var kind: String
        /// Whom it replaces or revokes.
        var of: String?
        /// Who agreed: previous or recovery.
        var by: [String]?
        var block: String
        var cid: String
    }

    struct JudgementVector: Codable {
        /// The documents that are known.
        var known: [String]
        /// How each identity among them stands: current, revoked, conflict, or `rotated` and to whom.
        var standings: [String: String]
    }
}

/// Makes the line from fixed keys; all of it but ML-DSA's signatures comes out the same each time.
struct LineGenerator {
    private var keys: [String: LineVector.KeysVector] = [:]
    private var identities: [String: SignedIdentity] = [:]
    private var documents: [LineVector.DocumentVector] = []

    static func vector() throws -> LineVector {
        var line = LineGenerator()
        try line.identity("alice-1", recovery: true)
        try line.identity("alice-2", of: "alice-1", by: ["previous"], recovery: true)
        try line.identity("alice-3", of: "alice-1", by: ["recovery"], recovery: true)
        try line.identity("alice-4", of: "alice-3", by: ["previous"])
        try line.identity("paul-1", pq: true)
        try line.identity("paul-2", of: "paul-1", by: ["previous"], pq: true)
        try line.identity("kim-1", recovery: true)
        try line.identity("kim-2", of: "kim-1", by: ["previous"])
        try line.identity("kim-3", of: "kim-1", by: ["previous"])
        try line.revocation("paul-2 revoked", of: "paul-2", by: "previous")
        try line.revocation("kim-1 revoked", of: "kim-1", by: "recovery")
        let all = line.documents.map(\.name)
        return LineVector(
            about:
                "Identities that replace and revoke each other: by their own keys, by recovery keys, and with "
                + "post-quantum keys.",
            keys: line.keys, documents: line.documents,
            judgements: [
                try line.judgement(all.filter { $0.hasPrefix("alice-1") || $0.hasPrefix("alice-2") }),
                try line.judgement(all.filter { !$0.hasSuffix("revoked") }),
                try line.judgement(all),
            ])
    }

    private mutating func identity(
        _ name: String, of predecessor: String? = nil, by roles: [String] = [], recovery: Bool = false, pq: Bool = false
    ) throws {
        let (person, seed) = try VectorGenerator.person(name)
        keys[name] = LineVector.KeysVector(
            signingSeed: hex(seed), mlkemSeed: hex(person.mlkemSeed),
            x25519Private: hex(person.x25519.rawRepresentation),
            pqSeed: pq ? hex(VectorGenerator.fixed("\(name) ML-DSA")) : nil,
            recoverySeed: recovery ? hex(VectorGenerator.fixed("\(name) recovery")) : nil)
        let postQuantum = try postQuantum(name)
        let old = predecessor.flatMap { identities[$0] }
        let identity = try Identity(
            name: name, created: 1_760_000_000, signing: Person.publicKey(person.signing), kem: person.kem,
            pq: postQuantum.map { Array($0.publicKey.rawRepresentation) }, recovery: try recoveryKey(name)?.fingerprint,
            previous: old?.cid)
        let document =
            if let old, let predecessor {
                try SignedIdentity(
                    signing: identity, with: person.sign, postQuantum: postQuantum.map(LineGenerator.sign),
                    replacing: old, by: roles.map { try consent($0, of: predecessor) })
            } else {
                try SignedIdentity(
                    signing: identity, with: person.sign, postQuantum: postQuantum.map(LineGenerator.sign))
            }
        identities[name] = document
        documents.append(
            .init(
                name: name, kind: "identity", of: predecessor, by: predecessor == nil ? nil : roles,
                block: hex(document.block), cid: document.cid.description))
    }

    private mutating func revocation(_ name: String, of subject: String, by role: String) throws {
        guard let identity = identities[subject] else { throw TestFailure("no identity \(subject)") }
        let revocation = try SignedRevocation(
            revoking: identity, at: 1_760_000_300, by: try consent(role, of: subject))
        documents.append(
            .init(
                name: name, kind: "revocation", of: subject, by: [role], block: hex(revocation.block),
                cid: revocation.cid.description))
    }

    private func consent(_ role: String, of name: String) throws -> Consent {
        if role == "recovery" {
            guard let recovery = try recoveryKey(name) else { throw TestFailure("no recovery key of \(name)") }
            return recovery.consent
        }
        return .previous(
            sign: try VectorGenerator.person(name).0.sign, postQuantum: try postQuantum(name).map(LineGenerator.sign))
    }

    private func recoveryKey(_ name: String) throws -> Recovery? {
        try keys[name]?.recoverySeed.map { try Recovery(key: .init(rawRepresentation: bytes($0))) }
    }

    private func postQuantum(_ name: String) throws -> MLDSA65.PrivateKey? {
        try keys[name]?.pqSeed.map { try MLDSA65.PrivateKey(seedRepresentation: bytes($0), publicKey: nil) }
    }

    static func sign(with key: MLDSA65.PrivateKey) -> DocumentSign {
        { context, hash in Array(try key.signature(for: SignedBytes.make(context: context, hash: hash))) }
    }

    private func judgement(_ known: [String]) throws -> LineVector.JudgementVector {
        .init(known: known, standings: try LineVector.standings(documents.filter { known.contains($0.name) }))
    }
}

extension LineVector {
    /// What this project makes of documents.
    static func standings(_ documents: [DocumentVector]) throws -> [String: String] {
        let identities = try documents.filter { $0.kind == "identity" }.map {
            try SignedIdentity(block: bytes($0.block))
        }
        let revocations = try documents.filter { $0.kind == "revocation" }.map {
            try SignedRevocation(block: bytes($0.block))
        }
        let judge = IdentityJudge(KnownDocuments(identities, revocations: revocations))
        let names = Dictionary(uniqueKeysWithValues: identities.map { ($0.cid, $0.identity.name) })
        return Dictionary(
            uniqueKeysWithValues: try identities.map { identity in
                switch try judge.standing(of: identity.cid) {
                case .rotated(let successor): (identity.identity.name, "rotated \(names[successor] ?? "?")")
                case let standing: (identity.identity.name, standing.name)
                }
            })
    }
}
