import Crypto
import TestSupport
import Testing

@testable import DTAFormats

@Suite("Revocations")
struct RevocationTests {
    let recovery = Recovery()
    let alice: Person
    let document: SignedIdentity

    init() throws { (alice, document) = try Person.with(recovery: recovery) }

    @Test("an identity is revoked by itself, with either kind of key, or by its recovery key")
    func roundTrip() throws {
        let (p256, other) = try Person.with(p256: true)
        let cases: [(SignedIdentity, Consent, Authority)] = [
            (document, alice.consent, .previous), (document, recovery.consent, .recovery),
            (other, p256.consent, .previous),
        ]
        for (identity, consent, authority) in cases {
            let made = try SignedRevocation(revoking: identity, at: 1_760_000_000, by: consent)
            let again = try SignedRevocation(block: made.block, named: made.cid)
            #expect(again == made && again.revokes == identity.cid && again.at == 1_760_000_000)
            #expect(again.authority == authority)
            #expect(try again.verify(of: identity) == authority)
        }
    }

    @Test("a stranger revokes no identity, nor does a recovery key that the identity does not name")
    func strangers() throws {
        let mallory = try Person("mallory")
        for consent in [mallory.consent, Recovery().consent] {
            #expect(
                refusal { _ = try SignedRevocation(revoking: document, at: 1, by: consent) }.kind == .badSignature)
        }
        // Even where its form is right: made for an identity of the stranger's own, and then carried over.
        let (_, plain) = try Person.with()
        let error = refusal { _ = try SignedRevocation(revoking: plain, at: 1, by: recovery.consent) }
        #expect(error.reason.contains("names none"))
    }

    @Test("a revocation that is replayed for another identity does not count")
    func replay() throws {
        let made = try SignedRevocation(revoking: document, at: 1, by: alice.consent)
        let twin = try SignedIdentity(signing: alice.identity(recovery: recovery, name: "twin"), with: alice.sign)
        #expect(refusal { try made.verify(of: twin) }.kind == .mismatch)
        let block = try DAGCBOR.encode(
            DAGCBOR.decode(made.block).changing(["revocation", "revokes"], to: .link(twin.cid)))
        let replayed = try SignedRevocation(block: block)
        #expect(refusal { try replayed.verify(of: twin) }.kind == .badSignature)
        let byRecovery = try SignedRevocation(revoking: document, at: 1, by: recovery.consent)
        let moved = try DAGCBOR.encode(
            DAGCBOR.decode(byRecovery.block).changing(["revocation", "revokes"], to: .link(twin.cid)))
        #expect(refusal { _ = try SignedRevocation(block: moved) }.kind == .badSignature)
    }

    @Test("a signature given in another context is no revocation, and a revocation's is no other document's")
    func crossUse() throws {
        let (alice, recovery) = (alice, recovery)
        for context in SignedBytes.contexts where context != SignedBytes.revocation {
            let crossed: [Consent] = [
                .previous { try alice.sign(context, $1) },
                .recovery(key: recovery.raw) { try recovery.sign(context, $1) },
            ]
            for consent in crossed {
                #expect(
                    refusal(context) { _ = try SignedRevocation(revoking: document, at: 1, by: consent) }.kind
                        == .badSignature)
            }
        }
    }

    @Test("a revocation is signed once, by previous or recovery, and by no one else")
    func signatures() throws {
        let made = try SignedRevocation(revoking: document, at: 1, by: alice.consent)
        let other = try SignedRevocation(revoking: document, at: 1, by: recovery.consent)
        let value = try DAGCBOR.decode(made.block)
        guard case .map(let map) = value, case .list(let list)? = map["signatures"],
            case .map(let second) = try DAGCBOR.decode(other.block), case .list(let more)? = second["signatures"]
        else { throw TestFailure("the revocation has no signatures") }
        for wrong in [[], list + list, list + more] {
            let block = try DAGCBOR.encode(value.changing(["signatures"], to: .list(wrong)))
            #expect(refusal { _ = try SignedRevocation(block: block) }.kind == .badSignature)
        }
        for role in ["self", "pq", "recovery", "mallory"] {
            let block = try DAGCBOR.encode(value.changing(["signatures", "0", "by"], to: .text(role)))
            _ = refusal(role) { _ = try SignedRevocation(block: block) }
        }
    }

    @Test("a revocation with a flipped bit in any field, of another shape, or cut short, is refused")
    func mutations() throws {
        for consent in [alice.consent, recovery.consent] {
            let made = try SignedRevocation(revoking: document, at: 1, by: consent)
            for mutation in Mutation.flips(of: try DAGCBOR.decode(made.block)) {
                _ = refusal(mutation.path) {
                    try SignedRevocation(block: DAGCBOR.encode(mutation.value)).verify(of: document)
                }
            }
            for end in made.block.indices {
                _ = refusal("cut at \(end)") { _ = try SignedRevocation(block: Array(made.block[..<end])) }
            }
        }
        let value = try DAGCBOR.decode(SignedRevocation(revoking: document, at: 1, by: alice.consent).block)
        for field in ["type", "revokes", "at"] {
            for wrong in [nil, DAGCBOR.Value.list([])] {
                let block = try DAGCBOR.encode(value.changing(["revocation", field], to: wrong))
                #expect(refusal(field) { _ = try SignedRevocation(block: block) }.kind == .malformed)
            }
        }
        let extra = try DAGCBOR.encode(value.changing(["revocation", "why"], to: .text("stolen")))
        #expect(refusal { _ = try SignedRevocation(block: extra) }.kind == .unsupported)
        _ = refusal { _ = try SignedRevocation(revoking: document, at: -1, by: alice.consent) }
        _ = refusal { _ = try SignedRevocation(block: document.block) }
        _ = refusal { _ = try SignedIdentity(block: DAGCBOR.encode(value)) }
        _ = refusal { _ = try SignedEnvelope(block: DAGCBOR.encode(value)) }
    }
}
