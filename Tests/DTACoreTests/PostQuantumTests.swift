import CustodyProtocol
import DTAFormats
import DTASystem
import TestSupport
import Testing

@testable import DTAAgent
@testable import DTAIdentities
@testable import DTALedger

@Suite("An identity with a post-quantum key")
struct PostQuantumTests {
    private func make(_ host: Host, _ name: String = "alice", of caller: Caller = alice) throws -> KnownIdentity {
        try host.core.identities.create(caller, name: name, postQuantum: true)(host.custodian)
    }

    private func document(_ host: Host, _ cid: CID) throws -> SignedIdentity {
        try SignedIdentity(block: host.core.ledger.get("\(cid)").bytes)
    }

    @Test(
        "an identity with a post-quantum key signs its document and its envelopes with both keys, also after a restart")
    func signing() throws {
        let host = try Host()
        let alice = try make(host)
        #expect(try document(host, alice.cid).identity.pq?.count == PostQuantumKey.publicKeySize)
        let again = try Host.restarted(host)
        let cid = try again.seal(to: ["alice"])
        let signed = try SignedEnvelope(block: again.core.ledger.get("\(cid)").bytes)
        try signed.verify(sender: document(again, alice.cid))
        // Both are needed: where the second cannot sign, nothing is sealed.
        again.custodian.fail("signPostQuantum", with: DTAError(.unavailable, "away"))
        #expect(code { _ = try again.seal(to: ["alice"]) } == .unavailable)
    }

    @Test(
        "an identity with a post-quantum key is rotated, recovered and revoked with both keys, and its successors keep such a key"
    )
    func successors() throws {
        let host = try Host()
        let first = try make(host)
        let second = try host.core.identities.rotate(alice, "alice")(host.custodian)
        let new = try document(host, second.cid)
        #expect(new.identity.pq != nil)
        #expect(try new.verifySuccession(of: document(host, first.cid)) == .previous)
        let revoked = try host.core.identities.revoke(alice, "alice")(host.custodian)
        let revocation = try SignedRevocation(block: host.core.ledger.get("\(revoked.revocation)").bytes)
        #expect(try revocation.verify(of: new) == .previous)
    }

    @Test("an identity with a post-quantum key can follow one without")
    func upgrade() throws {
        let host = try Host()
        let first = try host.identity("alice")
        let second = try host.core.identities.rotate(alice, "alice", postQuantum: true)(host.custodian)
        let new = try document(host, second.cid)
        #expect(new.identity.pq != nil)
        #expect(try new.verifySuccession(of: document(host, first.cid)) == .previous)
    }

    @Test(
        "an identity with a post-quantum key is not made where its second key cannot be, and leaves nothing on the token then"
    )
    func allOrNothing() throws {
        let host = try Host()
        let before = try host.custodian.ask(ListObjects(objectClass: .identitySigning)).count
        host.custodian.fail("createPostQuantumKey", with: DTAError(.failedPrecondition, "no"))
        #expect(code { _ = try make(host) } == .failedPrecondition)
        #expect(try host.custodian.ask(ListObjects(objectClass: .identitySigning)).count == before)
        host.custodian.failNothing()
        _ = try make(host)
    }
}
