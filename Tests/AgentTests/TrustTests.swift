import AgentProtocol
import DTASystem
import Foundation
import TestSupport
import Testing

/// Two users of one agent, and what each may do with identities that are not his.
@Suite("Identities of several users", .ownThread, .enabled(if: OtherUser.arePossible, "several users need root"))
struct TrustTests {
    private let alice = OtherUser.wwwData
    private let bob = OtherUser.backup

    @Test(
        "identities of several users are rotated, revoked and recovered by their owners: neither by others nor by root")
    func owners() throws {
        let agent = try TestAgent()
        let first = try alice.run("print(agent.create_identity('alice'))", on: agent)
        for operation in ["identity_rotate", "identity_revoke"] {
            for subject in ["alice", first] {
                let refused = try bob.run("agent.call('\(operation)', subject='\(subject)')", on: agent)
                #expect(refused.hasPrefix("PERMISSION_DENIED: user backup (34) may not"), "\(refused)")
            }
        }
        #expect(try agent.client().refusal(.rotateIdentity("alice")).code == .permissionDenied)
        #expect(try agent.client().refusal(.revokeIdentity("alice")).code == .permissionDenied)
        #expect(try agent.client().refusal(.rotateIdentity("agent")).code == .failedPrecondition)
        // Under another's name nobody recovers, whatever key he has.
        _ = try bob.run(
            "agent.call('identity_create', subject='bob', recovery=bytes(32))", on: agent)
        let squatted = try bob.run(
            "agent.call('identity_recover', subject='alice', identities=['bob'])", on: agent)
        #expect(squatted.hasPrefix("FAILED_PRECONDITION") && squatted.contains("is taken"))

        let second = try alice.run("print(agent.call('identity_rotate', subject='alice')['cid'])", on: agent)
        let shown =
            "row = agent.call('identity_show', subject='\(first)')['identities'][0]\n"
            + "print(row['standing'], row['successor'])"
        #expect(try bob.run(shown, on: agent) == "rotated \(second)")
        #expect(
            try alice.run(
                "print(agent.call('identity_revoke', subject='alice')['identities'][0]['standing'])", on: agent)
                == "revoked")
        // Momentous acts, refusals among them, are on record.
        let lines = try agent.client().call(.list(.auditList, count: 1000)).lines
        #expect(lines.filter { $0.contains("\"identity.rotate\"") }.count == 5)
        #expect(lines.filter { $0.contains("\"identity.revoke\"") }.count == 4)
    }

    @Test(
        "requests about identities leave in the audit log what else decided: aliases, as whom, and that nobody had to be trusted"
    )
    func details() throws {
        let agent = try TestAgent()
        let client = agent.client()
        let alice = try client.call(.createIdentity("alice")).cid
        let elsewhere = try TestAgent()
        let bank = try elsewhere.client().call(.createIdentity("bank")).cid
        let block = try [UInt8](elsewhere.client().call(.showIdentity("bank")).data)
        _ = try client.call(.putBlock(block, contentType: "application/vnd.ipld.dag-cbor"))
        _ = try client.call(.trustIdentity(bank, as: "partner"))
        _ = try client.call(.distrustIdentity("partner"))
        let sealed = try client.call(.sealEnvelope(from: "alice", to: ["alice"], plaintext: [1])).cid
        var open = AgentRequest.openEnvelope(sealed)
        open.allowUntrusted = true
        open.identities = ["alice"]
        _ = try client.call(open)
        let notice = try client.call(
            .sealEnvelope(.init(from: "alice", to: [], contentType: "", replyTo: ""), plaintext: [1])
        ).cid
        _ = try client.call(.openEnvelope(notice))
        var asOther = AgentRequest.openEnvelope(notice)
        asOther.identities = ["alice"]
        #expect([UInt8](try client.call(asOther).data) == [1])
        asOther.identities = [bank]
        #expect(try client.refusal(asOther).code != .internal)
        asOther.identities = ["nobody"]
        #expect(try client.refusal(asOther).code == .notFound)
        let revocation = try client.call(.revokeIdentity("alice"))
        #expect(revocation.identities.first?.standing == "revoked")
        let lines = try client.call(.list(.auditList, count: 1000)).lines
        func has(_ operation: String, _ detail: String) -> Bool {
            lines.contains { $0.contains("\"op\":\"\(operation)\"") && $0.contains("\"detail\":\"\(detail)\"") }
        }
        #expect(has("identity.trust", "alias=partner"))
        #expect(has("identity.distrust", "identity=\(bank) alias=partner"))
        #expect(has("envelope.open", "allow_untrusted asked_as=alice as=\(alice)"))
        #expect(has("envelope.open", "public") && has("envelope.open", "asked_as=alice public"))
        #expect(has("envelope.open", "asked_as=nobody"))
        #expect(has("identity.revoke", "identity=\(alice)"), "\(lines)")
        let shown = try run(Binary.path("dtactl"), ["audit", "list", "--socket", agent.socketPath])
        #expect(shown.text.contains("DETAIL") && shown.text.contains("alias=partner"))
    }

    @Test(
        "identities are trusted by administrators, and by users to whom a grant gives that; anybody may make documents known"
    )
    func trust() throws {
        let elsewhere = try TestAgent()
        let cid = try elsewhere.client().call(.createIdentity("bank")).cid
        let block = try [UInt8](elsewhere.client().call(.showIdentity("bank")).data)
        let next = try elsewhere.client().call(.rotateIdentity("bank")).cid
        let nextBlock = try [UInt8](elsewhere.client().call(.getBlock(next)).data)

        let agent = try TestAgent(
            more: """
                grants:
                  - to: ["unix:user:backup"]
                    identities: ["partner-*"]
                    operations: [trust]
                """)
        _ = try alice.run(
            "agent.call('ledger_put', data=bytes(\(block)), content_type='application/vnd.ipld.dag-cbor')", on: agent)
        let trusted = { (user: OtherUser, alias: String) in
            try user.run(
                "print(agent.call('identity_trust', subject='\(cid)', alias='\(alias)')['identities'][0]['trust'])",
                on: agent)
        }
        #expect(try trusted(alice, "bank").hasPrefix("PERMISSION_DENIED"))
        #expect(try trusted(bob, "bank").hasPrefix("PERMISSION_DENIED"))
        #expect(try trusted(bob, "partner-bank") == "trusted")
        let root = agent.client()
        #expect(
            try root.call(.trustIdentity(cid, as: "bank", at: "https://bank.example")).identities.first?.alias == "bank"
        )
        #expect(try trusted(bob, "partner-bank").hasPrefix("PERMISSION_DENIED"))
        #expect(try alice.run("agent.create_identity('bank')", on: agent).hasPrefix("FAILED_PRECONDITION"))

        // Everybody gets to where the alias leads, and it follows the rotation.
        _ = try bob.run(
            "agent.call('ledger_put', data=bytes(\(nextBlock)), content_type='application/vnd.ipld.dag-cbor')",
            on: agent)
        #expect(try alice.run("print(agent.call('identity_show', subject='bank')['cid'])", on: agent) == next)
        #expect(
            try alice.run("agent.call('identity_distrust', subject='bank')", on: agent).hasPrefix("PERMISSION_DENIED"))
        #expect(try root.call(.distrustIdentity("bank")).identities.first?.trust == "distrusted")
        #expect(try root.call(.showIdentity(next)).identities.first?.trust == "distrusted")
    }
}
