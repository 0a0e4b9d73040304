import Crypto
import TestSupport
import Testing

@testable import DTAFormats

@Suite("Successions")
struct SuccessionTests {
    let recovery = Recovery()
    let alice: Person
    let first: SignedIdentity

    init() throws { (alice, first) = try Person.with(recovery: recovery) }

    /// The entries of a document's `signatures`.
    private func signatures(_ document: SignedIdentity) throws -> [DAGCBOR.Value] {
        guard case .map(let map) = try DAGCBOR.decode(document.block), case .list(let list)? = map["signatures"] else {
            throw TestFailure("the document has no signatures")
        }
        return list
    }

    private func with(_ signatures: [DAGCBOR.Value], _ document: SignedIdentity) throws -> [UInt8] {
        try DAGCBOR.encode(DAGCBOR.decode(document.block).changing(["signatures"], to: .list(signatures)))
    }

    @Test("a successor that its predecessor signed is one, with either kind of key", arguments: [false, true])
    func byPrevious(p256: Bool) throws {
        let (old, document) = try Person.with(p256: p256)
        let (_, next) = try Person.replacing(document, by: [old.consent], p256: !p256)
        let again = try SignedIdentity(block: next.block, named: next.cid)
        #expect(again == next && again.identity.previous == document.cid)
        #expect(try again.verifySuccession(of: document) == .previous)
        #expect(try Identity(encoded: again.identity.encoded) == again.identity)
    }

    @Test("a successor that the recovery key signed is one by recovery")
    func byRecovery() throws {
        let (_, next) = try Person.replacing(first, by: [recovery.consent])
        #expect(try next.verifySuccession(of: first) == .recovery)
        #expect(try signatures(next).count == 2)
    }

    @Test(
        "one key agrees to a succession, never both: a carrier of the document could leave one out and make a rival of it"
    )
    func both() throws {
        let person = try Person("alice")
        let identity = try person.identity(replacing: first.cid)
        let own = DocumentSignature(role: .own, signature: try person.sign(SignedBytes.identity, identity.hash))
        let agreed = try [alice.consent, recovery.consent].map {
            try $0.signature(of: first.identity, context: SignedBytes.identity, hash: identity.hash)
        }
        for one in agreed {
            _ = try SignedIdentity(block: SignedIdentity.encode(identity, [own, one])).verifySuccession(of: first)
        }
        #expect(
            refusal { _ = try SignedIdentity(block: SignedIdentity.encode(identity, [own] + agreed)) }.kind
                == .badSignature)
        #expect(
            refusal { _ = try Person.replacing(first, by: [alice.consent, recovery.consent]) }.kind == .badSignature)
    }

    @Test("a successor that nobody agreed to is none")
    func unsigned() throws {
        let person = try Person("alice")
        let identity = try person.identity(replacing: first.cid)
        #expect(refusal { _ = try SignedIdentity(signing: identity, with: person.sign) }.kind == .invalidArgument)
        #expect(
            refusal { _ = try SignedIdentity(signing: identity, with: person.sign, replacing: first, by: []) }.kind
                == .badSignature)
        let own = DocumentSignature(
            role: .own, signature: try person.sign(SignedBytes.identity, identity.hash))
        #expect(
            refusal { _ = try SignedIdentity(block: SignedIdentity.encode(identity, [own])) }.kind == .badSignature)
    }

    @Test("a successor that a stranger agreed to is none")
    func stranger() throws {
        let mallory = try Person("mallory")
        #expect(refusal { _ = try Person.replacing(first, by: [mallory.consent]) }.kind == .badSignature)
        // Its form is right, so it can be read; but it replaces nobody.
        let identity = try mallory.identity(replacing: first.cid)
        let forged = [DocumentSignature.Role.own, .previous].map {
            DocumentSignature(role: $0, signature: (try? mallory.sign(SignedBytes.identity, identity.hash)) ?? [])
        }
        let document = try SignedIdentity(block: SignedIdentity.encode(identity, forged))
        #expect(refusal { _ = try document.verifySuccession(of: first) }.kind == .badSignature)
    }

    @Test("another's recovery key, or any if the predecessor names none, makes no successor")
    func wrongRecovery() throws {
        #expect(refusal { _ = try Person.replacing(first, by: [Recovery().consent]) }.kind == .badSignature)
        let (_, plain) = try Person.with()
        let error = refusal { _ = try Person.replacing(plain, by: [recovery.consent]) }
        #expect(error.kind == .badSignature && error.reason.contains("names none"))
        // The right key under a wrong signature is found out at once, without the predecessor.
        let wrong = Consent.recovery(key: recovery.raw, sign: Recovery().sign)
        #expect(refusal { _ = try Person.replacing(first, by: [wrong]) }.kind == .badSignature)
    }

    @Test("the signatures of a successor stand in their order, each once, and only where they belong")
    func order() throws {
        var agreed: [DAGCBOR.Value] = []
        for consent in [alice.consent, recovery.consent] {
            let (_, next) = try Person.replacing(first, by: [consent])
            let list = try signatures(next)
            agreed.append(list[1])
            let wrong = [
                [list[1], list[0]], [list[0]], [list[1]], list + [list[1]], list + [list[0]], [list[0], list[0]], [],
            ]
            for (index, wrong) in wrong.enumerated() {
                #expect(
                    refusal("\(index)") { _ = try SignedIdentity(block: with(wrong, next)) }.kind == .badSignature)
            }
        }
        // Where nobody is replaced nobody agrees.
        let person = try Person("alice")
        let identity = try person.identity()
        let plain = try SignedIdentity(signing: identity, with: person.sign)
        for role in agreed {
            #expect(
                refusal { _ = try SignedIdentity(block: with(signatures(plain) + [role], plain)) }.kind == .badSignature
            )
        }
    }

    @Test("an entry of a successor's signatures has the fields of its role, and no others")
    func fields() throws {
        let (_, next) = try Person.replacing(first, by: [alice.consent])
        let (_, recovered) = try Person.replacing(first, by: [recovery.consent])
        let value = try DAGCBOR.decode(recovered.block)
        for (document, index, field) in [
            (next, "0", "key"), (next, "0", "pq"), (next, "1", "key"), (recovered, "1", "pq"),
        ] {
            let block = try DAGCBOR.encode(
                DAGCBOR.decode(document.block).changing(
                    ["signatures", index, field], to: .bytes([UInt8](repeating: 1, count: 32))))
            _ = refusal("\(index) \(field)") { _ = try SignedIdentity(block: block) }
        }
        for key in [DAGCBOR.Value.bytes([1]), .bytes([UInt8](repeating: 0, count: 32)), .null] {
            let block = try DAGCBOR.encode(value.changing(["signatures", "1", "key"], to: key))
            _ = refusal { _ = try SignedIdentity(block: block) }
        }
        #expect(
            refusal {
                _ = try SignedIdentity(block: DAGCBOR.encode(value.changing(["signatures", "1", "key"], to: nil)))
            }.kind == .malformed)
    }

    @Test("a successor with a flipped bit anywhere is refused, or is no successor")
    func flips() throws {
        for (consent, leaves) in [(alice.consent, 10), (recovery.consent, 11)] {
            let (_, next) = try Person.replacing(first, by: [consent])
            let mutations = Mutation.flips(of: try DAGCBOR.decode(next.block))
            #expect(Set(mutations.map(\.path)).count == leaves)
            for mutation in mutations {
                _ = refusal(mutation.path) {
                    _ = try SignedIdentity(block: DAGCBOR.encode(mutation.value)).verifySuccession(of: first)
                }
            }
        }
    }

    @Test("a succession is of the identity that it names, and of no other")
    func otherPredecessor() throws {
        let (_, next) = try Person.replacing(first, by: [alice.consent])
        let (_, other) = try Person.with(recovery: recovery)
        #expect(refusal { _ = try next.verifySuccession(of: other) }.kind == .mismatch)
        #expect(refusal { _ = try next.verifySuccession(of: next) }.kind == .mismatch)
        #expect(refusal { _ = try first.verifySuccession(of: other) }.kind == .mismatch)
        // The same keys in another document are another identity.
        let twin = try SignedIdentity(signing: alice.identity(name: "twin"), with: alice.sign)
        #expect(refusal { _ = try next.verifySuccession(of: twin) }.kind == .mismatch)
    }

    @Test("a consent does not count where it was given in another context, or for another document")
    func crossUse() throws {
        for context in SignedBytes.contexts where context != SignedBytes.identity {
            let (alice, recovery) = (alice, recovery)
            let crossed: [Consent] = [
                .previous { try alice.sign(context, $1) },
                .recovery(key: recovery.raw) { try recovery.sign(context, $1) },
            ]
            for consent in crossed {
                #expect(refusal(context) { _ = try Person.replacing(first, by: [consent]) }.kind == .badSignature)
            }
        }
        // One consent, moved to a second successor.
        let (_, next) = try Person.replacing(first, by: [alice.consent])
        let (_, other) = try Person.replacing(first, by: [recovery.consent])
        let moved = try SignedIdentity(block: with([signatures(other)[0], signatures(next)[1]], other))
        #expect(refusal { _ = try moved.verifySuccession(of: first) }.kind == .badSignature)
    }

    @Test("an identity with a post-quantum key is replaced and revoked only with that key's signature too")
    func postQuantum() throws {
        let pq = try MLDSA65.PrivateKey()
        let old = try alice.identity(recovery: recovery, pq: pq)
        let signed = { (context: String, hash: [UInt8]) in
            Array(try pq.signature(for: SignedBytes.make(context: context, hash: hash)))
        }
        let document = try SignedIdentity(
            block: SignedIdentity.encode(
                old,
                [
                    DocumentSignature(role: .own, signature: try alice.sign(SignedBytes.identity, old.hash)),
                    DocumentSignature(role: .pq, signature: try signed(SignedBytes.identity, old.hash)),
                ]))
        let whole = Consent.previous(sign: alice.sign, postQuantum: signed)
        let (_, next) = try Person.replacing(document, by: [whole])
        #expect(try next.verifySuccession(of: document) == .previous)
        try SignedRevocation(revoking: document, at: 1, by: whole).verify(of: document)

        let other = try MLDSA65.PrivateKey()
        let wrong: [Consent] = [
            alice.consent,
            .previous(sign: alice.sign) { Array(try other.signature(for: SignedBytes.make(context: $0, hash: $1))) },
        ]
        for consent in wrong {
            #expect(refusal { _ = try Person.replacing(document, by: [consent]) }.kind == .badSignature)
            #expect(
                refusal { _ = try SignedRevocation(revoking: document, at: 1, by: consent) }.kind == .badSignature)
        }
        // An offline recovery key is enough, and one without such a key may not bring its signature along.
        #expect(
            try Person.replacing(document, by: [recovery.consent]).document.verifySuccession(of: document)
                == .recovery)
        #expect(refusal { _ = try Person.replacing(first, by: [whole]) }.kind == .badSignature)
    }
}
