import AgentProtocol
import DTAFormats
import DTASystem
import Foundation
import TestSupport
import Testing

/// An order as it is meant: agents with tokens, states, gateways and IPFS nodes of their own, driven by the commands that
/// people type.
@Suite("An order's whole story", .ownThread, .enabled(if: TestNode.isInstalled))
struct OrderStoryTests {
    /// An agent with its node and its gateway.
    private final class Host {
        let node: TestNode
        let host: TestHost
        let gateway: TestGateway
        var agent: TestAgent { host.agent }

        /// - Parameters: `near`: the nodes that its node is connected with; `rules`: more of dtad.yaml.
        init(near: [Host] = [], rules: String = "") throws {
            node = try TestNode()
            for host in near { try node.connect(host.node) }
            host = try TestHost(rules: "\(rules)\n\(TestAgent.publishing(to: node.api))", gateway: "")
            gateway = try #require(host.gateway)
        }

        /// `dtactl` with this host's agent, which must do what it is asked.
        /// - Returns: its standard output, without the newline at its end.
        @discardableResult
        func must(_ arguments: String...) throws -> String {
            let done = try agent.dtactl(arguments)
            guard done.status == 0 else {
                throw TestFailure(
                    "dtactl \(arguments.joined(separator: " ")): \(done.status)\n\(done.text)\(done.errors)\(agent.log)"
                )
            }
            return done.text.trimmingCharacters(in: .newlines)
        }

        /// kill -9, and all of it again.
        func killAndRestart() throws {
            agent.crash()
            try agent.start()
        }
    }

    @Test(
        "an order goes from three agents over gateways, through kill -9, to an auditor who has it from IPFS, and no thief gets anything"
    )
    func story() throws {
        let bank = try Host(rules: "orders:\n  accept:\n    - { from: [alice], commit: auto, release: auto }")
        let alice = try Host(near: [bank])
        let carol = try Host(near: [bank, alice])
        // The notary is on Alice's host.
        let people = [("alice", alice), ("notary", alice), ("bank", bank), ("carol", carol)]
        var cids: [String: String] = [:]
        for (name, home) in people { cids[name] = try home.must("identity", "create", name) }
        for host in [alice, bank, carol] { try host.agent.waitForPublication() }
        // Each is told the others' CIDs; the documents come from their nodes.
        for (name, home) in people {
            let cid = try #require(cids[name])
            for other in [alice, bank, carol] where other !== home {
                try other.must("identity", "show", cid)
                try other.must("identity", "trust", cid, "--as", name, "--at", home.gateway.url())
            }
        }

        // Carol is away while the order is made.
        #expect(carol.agent.stop() == 0)
        let secret = try alice.agent.directory.write("secret", "the gold is under the oak")
        let made = try alice.agent.dtactl(
            "order", "create", "--principal", "alice", "--fiduciary", "bank", "--beneficiary", "carol", "--redeem",
            "carol", "--approver", "notary", "--secret-file", secret, "--wait")
        #expect(made.status == 1 && made.errors.contains("not delivered"), "\(made.status) \(made.errors)")
        let reference = made.text.trimmingCharacters(in: .newlines)
        let order = try #require(alice.host.call(.showOrder(reference)).orders.first)
        #expect(order.state == "committed" && order.type == "safeguard-secret")

        // The bank is killed. Whoever asks it meanwhile is told so, and nothing is lost.
        bank.agent.crash()
        try carol.agent.start()
        let early = try carol.agent.dtactl("order", "receive", order.cid, "--via", bank.gateway.url())
        #expect(early.status != 0 && !early.errors.isEmpty)
        try bank.agent.start()
        #expect(try bank.host.state(reference) == "committed")
        try carol.must("order", "receive", order.cid, "--via", bank.gateway.url())
        // What Alice deposited she has not yet.
        let known = try carol.host.call(.showOrder(reference)).parts
        #expect(known.map(\.kind) == ["order", "commitment"])
        let commitment = try #require(known.first { $0.kind == "commitment" })

        try thieves(alice: alice, bank: bank, cids, order, commitment.cid)

        // Carol asks, the bank is killed again, the notary consents: the release goes to Carol alone.
        try carol.must("order", "redeem", reference, "--purpose", "Alice has died")
        #expect(try bank.host.state(reference) == "requested")
        #expect(try carol.agent.dtactl("order", "result", reference).status == 1)
        try bank.killAndRestart()
        #expect(try bank.agent.dtactl("order", "fulfil", reference, "--release", "--yes").status == 1)
        let asked = try alice.agent.dtactl("order", "approve", reference, "--as", "notary")
        #expect(asked.status == 2 && asked.errors.contains("“Alice has died”"), "\(asked.errors)")
        try alice.must("order", "approve", reference, "--as", "notary", "--yes")
        // The release came first; then what it opens, and what the notary said.
        #expect(try carol.host.state(reference) == "exhausted")
        #expect(try carol.agent.dtactl("order", "result", reference).status == 1)
        try carol.must("order", "receive", reference)
        for host in [alice, bank, carol] { #expect(try host.host.state(reference) == "exhausted") }
        #expect(try carol.must("order", "result", reference) == "the gold is under the oak")
        for host in [alice, bank] { #expect(try host.agent.dtactl("order", "result", reference).status == 1) }
        // What the bank refused it brings to nobody: order, commitment, deposit, redemption, approval and release are here.
        let verified = try carol.must("order", "verify", reference, "--complete")
        #expect(verified.contains("6 messages"), "\(verified)")

        try audit(order.cid, [alice, bank, carol])
    }

    /// Alice herself, whom the terms do not name, and somebody from nowhere, both with agents that do not ask whether they
    /// may, and with a redemption that says all that it has to say.
    private func thieves(alice: Host, bank: Host, _ cids: [String: String], _ order: AgentOrder, _ commitment: String)
        throws
    {
        let thief = try Host(near: [bank, alice])
        let mallory = try thief.must("identity", "create", "mallory")
        func redemption() throws -> [UInt8] {
            let terms = try OrderTerms(
                fiduciary: CID(order.fiduciary), principal: CID(order.principal), beneficiary: CID(order.beneficiary),
                redeemers: order.redeemers.map { try CID($0) }, recipient: CID(order.recipient),
                approvers: order.approvers.map { try CID($0) }, approvals: Int(order.approvals))
            return try OrderRedemption(
                order: CID(order.cid), terms: terms, use: 1, nonce: [UInt8](repeating: 5, count: 16)
            ).encoded()
        }
        let fiduciary = try #require(cids["bank"])
        for (host, name, cid) in [(alice, "alice", order.principal), (thief, "mallory", mallory)] {
            let forged = try host.host.call(
                .sealEnvelope(
                    .init(
                        from: name, to: [fiduciary], contentType: OrderPartKind.redemption.contentType,
                        replyTo: commitment), plaintext: redemption())
            ).cid
            let file = host.agent.directory.file("forged.car")
            try host.must("ledger", "export", forged, cid, "--out", file)
            let answer = try bank.gateway.request(
                "/v1/courier", ["-H", "Content-Type: application/vnd.ipld.car", "--data-binary", "@\(file)"])
            #expect((400..<500).contains(answer.status), "\(name): \(answer.status) \(answer.text)")
            let shown = try bank.host.call(.showOrder(order.cid))
            #expect(shown.orders.first?.state == "committed")
            #expect(shown.parts.filter { $0.status == "accepted" }.map(\.kind) == ["order", "commitment"], "\(name)")
            #expect(shown.parts.filter { $0.cid == forged }.allSatisfy { $0.status == "refused" })
        }
        #expect(bank.agent.log.contains("panic") == false)
    }

    /// On a host that had nothing to do with it, and was told the parts' CIDs: all comes from the others' nodes.
    private func audit(_ order: String, _ hosts: [Host]) throws {
        var parts: Set<String> = []
        for host in hosts {
            try host.agent.waitForPublication()
            parts.formUnion(try host.host.call(.showOrder(order)).parts.filter { $0.status == "accepted" }.map(\.cid))
        }
        #expect(parts.count == 6)
        let auditor = try Host(near: hosts)
        let file = auditor.agent.directory.file("order.car")
        let export = ["ledger", "export"] + parts + ["--out", file, "--socket", auditor.agent.socketPath]
        let exported = try run(Binary.path("dtactl"), export)
        #expect(exported.status == 0, "\(exported.errors)")
        for cid in parts {
            #expect(try auditor.host.call(.publication(of: cid)).publications.first?.state == "fetched")
        }
        let verified = try run(Binary.path("dtactl"), ["order", "verify", "--complete", file])
        #expect(verified.status == 0, "\(verified.text)\(verified.errors)")
        #expect(verified.text.contains("the public skeleton of 6 messages"))
        #expect(verified.text.firstMatch(of: /verdict +sound/) != nil)
        // Another byte somewhere, and it is not.
        var bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: file)))
        bytes[bytes.count * 2 / 3] ^= 1
        try Data(bytes).write(to: URL(fileURLWithPath: file))
        #expect(try run(Binary.path("dtactl"), ["order", "verify", "--complete", file]).status == 1)
    }
}
