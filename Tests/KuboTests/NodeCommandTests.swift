import AgentProtocol
import DTASystem
import Foundation
import TestSupport
import Testing

/// What a person sees of the node.
@Suite(.ownThread, .enabled(if: TestNode.isInstalled)) struct NodeCommandTests {
    @Test("dtactl waits for publication, shows what is on its way and why, and drops what is published")
    func commands() throws {
        let node = try TestNode()
        let agent = try TestAgent(publishingTo: node.api)
        let file = try agent.directory.write("block", "a block")
        let put = try agent.dtactl("ledger", "put", file, "--wait")
        #expect(put.status == 0, "\(put.errors)")
        let cid = put.text.trimmingCharacters(in: .newlines)
        let one = try agent.dtactl("ledger", "status", cid)
        #expect(one.text.contains("published") && one.text.contains(node.api) && one.text.contains(node.id))
        let json = try agent.dtactl("ledger", "status", cid, "--json")
        #expect(json.text.contains(#""state":"published","attempts":0"#))

        let gc = try agent.dtactl("ledger", "gc", "--dry-run")
        #expect(gc.text.hasPrefix("1 block, ") && gc.text.contains("would be dropped"))
        #expect(try agent.dtactl("ledger", "gc").status == 0)
        #expect(try agent.dtactl("ledger", "list").text.contains("ipfs"))
        #expect(try agent.dtactl("ledger", "get", cid, "--local").status == 1)
        #expect(try agent.dtactl("ledger", "get", cid).text == "a block")

        node.kill()
        let other = try agent.directory.write("other", "another block")
        let late = try agent.dtactl("ledger", "put", other, "--wait", "--timeout", "1")
        #expect(late.status == 1 && late.text.hasPrefix("bafk") && late.errors.contains("not published yet"))
        #expect(late.errors.contains(node.api))
        let waiting = try agent.dtactl("ledger", "status")
        #expect(waiting.text.contains("away") && waiting.text.contains("waiting"))
        try node.start()
        #expect(try agent.dtactl("ledger", "status", "--wait").status == 0)
    }

    @Test("a history of which a block is out of reach is told as such, and never exported as if it were whole")
    func outOfReach() throws {
        let node = try TestNode()
        let agent = try TestAgent(publishingTo: node.api)
        _ = try agent.client().call(.createIdentity("alice"))
        let file = try agent.directory.write("letter", "a letter")
        func seal(_ more: String...) throws -> String {
            let sealed = try run(
                Binary.path("dtactl"),
                ["envelope", "seal", "--from", "alice", "--to", "alice", file, "--socket", agent.socketPath] + more)
            #expect(sealed.status == 0, "\(sealed.errors)")
            return sealed.text.trimmingCharacters(in: .newlines)
        }
        let first = try seal()
        let second = try seal("--reply-to", first)
        try agent.waitForPublication()
        #expect(try agent.dtactl("ledger", "gc").status == 0)
        // The later one is back, the earlier one is on the node alone, and that goes away.
        #expect(try agent.dtactl("ledger", "get", second).status == 0)
        node.kill()

        let archive = agent.directory.file("thread.car")
        let refused = try agent.dtactl("ledger", "export", second, "--out", archive)
        #expect(refused.status == 1 && refused.errors.contains(first) && refused.errors.contains(node.api))
        #expect(!FileManager.default.fileExists(atPath: archive))
        let partial = try agent.dtactl("ledger", "export", second, "--partial", "--out", archive)
        #expect(partial.status == 0 && partial.errors.contains("not to be had here: \(first)"))

        let thread = try agent.dtactl("envelope", "thread", second)
        #expect(thread.status == 0, "\(thread.errors)")
        #expect(thread.text.contains("what it answers is not here: \(first)"))
    }

    @Test("a thread that is on another host alone is shown and verified by the CID of its last envelope")
    func elsewhere() throws {
        let (nodeA, nodeB) = (try TestNode(), try TestNode())
        try nodeB.connect(nodeA)
        let a = try TestAgent(publishingTo: nodeA.api)
        let b = try TestAgent(publishingTo: nodeB.api)
        let alice = try a.client().call(.createIdentity("alice")).cid
        var last = ""
        for _ in 0..<3 {
            let address = AgentRequest.EnvelopeAddress(from: "alice", to: [], replyTo: last)
            last = try a.client().call(.sealEnvelope(address, plaintext: Data("a word".utf8))).cid
        }
        try a.waitForPublication()
        let thread = try b.dtactl("envelope", "thread", last, "--json")
        #expect(thread.status == 0, "\(thread.errors)")
        let lines = thread.text.split(separator: "\n")
        #expect(lines.count == 3 && lines.last?.contains(last) == true)
        #expect(lines.allSatisfy { $0.contains(#""verdict":"sound""#) && $0.contains(#""from":"\#(alice)""#) })
        #expect(lines.allSatisfy { $0.contains(#""trust":"untrusted","standing":"current""#) })
    }
}
