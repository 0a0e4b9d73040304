import AgentProtocol
import DTAFormats
import DTASystem
import Foundation
import TestSupport
import Testing

@Suite(.ownThread, .enabled(if: TestNode.isInstalled)) struct CollectionTests {
    @Test(
        "ledger gc drops only what the node has and keeps, identities never, and everything comes back when it is read")
    func collects() throws {
        let node = try TestNode()
        let agent = try TestAgent(publishingTo: node.api)
        let client = agent.client()
        _ = try client.call(.createIdentity("alice"))
        let block = Array("large enough".utf8)
        let raw = try client.call(.putBlock(block)).cid
        let unpinned = try client.call(.putBlock(Array("the node will lose this".utf8))).cid
        let envelope = try client.call(.sealEnvelope(from: "alice", to: ["alice"], plaintext: [7])).cid
        try agent.waitForPublication()
        // Behind the agent's back.
        try node.ask("pin/rm?arg=\(unpinned)")

        let plan = try client.call(.collectGarbage(dryRun: true))
        #expect(plan.field("dropped") == "2" && plan.field("kept") == "1" && plan.cursor.isEmpty)
        #expect(try client.places([raw, unpinned, envelope]) == ["here", "here", "here"])

        let done = try client.call(.collectGarbage(dryRun: false))
        #expect(done.field("dropped") == "2" && done.field("kept") == "1")
        #expect(try client.places([raw, unpinned, envelope]) == ["ipfs", "here", "ipfs"])
        #expect(
            try client.call(.list(.ledgerList)).blocks.filter { $0.kind == "identity" }.allSatisfy {
                $0.place == "here"
            })
        #expect(try client.call(.collectGarbage(dryRun: false)).field("dropped") == "0")
        // What the node did not keep is pinned again.
        try agent.waitForPublication()
        #expect(try node.ask("pin/ls?type=recursive").contains(unpinned))

        let error = try client.refusal(.getBlock(raw, localOnly: true))
        #expect(error.code == .notFound)
        #expect([UInt8](try client.call(.getBlock(raw)).data) == block)
        var open = AgentRequest.openEnvelope(envelope)
        open.allowUntrusted = true
        #expect([UInt8](try client.call(open).data) == [7])
        #expect(try client.places([raw, envelope]) == ["here", "here"])
        #expect(try client.publication(raw).state == "published")
    }

    @Test("a large envelope is pinned with all of its blocks, leaves the disk, and is opened again and elsewhere")
    func largeEnvelope() throws {
        let (nodeA, nodeB) = (try TestNode(), try TestNode())
        try nodeB.connect(nodeA)
        let a = try TestAgent(publishingTo: nodeA.api)
        let b = try TestAgent(publishingTo: nodeB.api)
        let bob = try b.client().call(.createIdentity("bob")).cid
        try b.waitForPublication()
        _ = try a.client().call(.createIdentity("alice"))
        let files = try TemporaryDirectory()
        var generator = SystemRandomNumberGenerator()
        let body = (0..<3_000_000).map { _ in UInt8.random(in: 0...255, using: &generator) }
        let file = try files.write("body", body)
        let sealed = try run(
            Binary.path("dtactl"),
            [
                "envelope", "seal", "--from", "alice", "--to", "alice", "--to", bob, file, "--wait", "--socket",
                a.socketPath,
            ])
        #expect(sealed.status == 0, "\(sealed.errors)")
        let envelope = sealed.text.trimmingCharacters(in: .newlines)
        // One pin for all of it: the chunks have none of their own.
        let blocks = try a.client().call(.list(.ledgerList, count: 1000)).blocks.filter { $0.kind == "block" }
        let roots = try nodeA.ask("pin/ls?type=recursive")
        #expect(blocks.count == 4 && roots.contains(envelope) && blocks.allSatisfy { !roots.contains($0.cid) })
        for block in blocks { #expect(try a.client().publication(block.cid).state == "published") }

        let segments = a.state + "/segments"
        #expect(try FileManager.default.contentsOfDirectory(atPath: segments).count == 1)
        #expect(try a.client().call(.collectGarbage(dryRun: false)).field("dropped") == "5")
        #expect(try FileManager.default.contentsOfDirectory(atPath: segments).isEmpty)
        for (agent, name) in [(a, "alice"), (b, "bob")] {
            let out = files.file("opened by \(name)")
            let opened = try run(
                Binary.path("dtactl"),
                ["envelope", "open", envelope, "--allow-untrusted", "--out", out, "--socket", agent.socketPath])
            #expect(opened.status == 0, "\(opened.errors)")
            #expect(FileManager.default.contents(atPath: out) == Data(body))
        }
    }

    @Test("without an IPFS node, or while it is away, ledger gc drops nothing")
    func away() throws {
        let alone = try TestAgent()
        #expect(try alone.client().refusal(.collectGarbage(dryRun: false)).code == .failedPrecondition)
        let node = try TestNode()
        let agent = try TestAgent(publishingTo: node.api)
        let cid = try agent.client().call(.putBlock([1])).cid
        try agent.waitForPublication()
        node.kill()
        #expect(try agent.client().refusal(.collectGarbage(dryRun: false)).code == .unavailable)
        #expect([UInt8](try agent.client().call(.getBlock(cid, localOnly: true)).data) == [1])
    }
}

extension BlockingAgentClient {
    /// Where blocks are, in the order asked for.
    fileprivate func places(_ cids: [String]) throws -> [String] {
        let blocks = try call(.list(.ledgerList, count: 1000)).blocks
        return cids.map { cid in blocks.first { $0.cid == cid }?.place ?? "nowhere" }
    }
}
