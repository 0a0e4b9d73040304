import AgentProtocol
import DTAFormats
import DTASystem
import Foundation
import TestSupport
import Testing

/// Two agents with tokens, states and IPFS nodes of their own, which share nothing but the connection of their nodes.
@Suite(.ownThread, .enabled(if: TestNode.isInstalled)) struct TwoHostsTests {
    @Test("a thread that one host publishes is read, verified and answered on another, over bitswap")
    func thread() throws {
        let (nodeA, nodeB) = (try TestNode(), try TestNode())
        try nodeB.connect(nodeA)
        let a = try TestAgent(publishingTo: nodeA.api)
        let b = try TestAgent(publishingTo: nodeB.api)
        let (onA, onB) = (a.client(), b.client())

        let bob = try onB.call(.createIdentity("bob")).cid
        try b.waitForPublication()
        let alice = try onA.call(.createIdentity("alice")).cid
        // Bob's document comes to A because somebody there seals to him.
        let letter = try onA.call(.sealEnvelope(from: "alice", to: [bob], plaintext: Array("hello bob".utf8))).cid
        try a.waitForPublication()

        // And B gets the letter, and who it is from, because bob opens it. Whether he trusts her is another matter.
        var open = AgentRequest.openEnvelope(letter)
        open.allowUntrusted = true
        let opened = try onB.call(open)
        #expect([UInt8](opened.data) == Array("hello bob".utf8))
        #expect(opened.field("from") == alice)
        #expect(try onB.call(.showIdentity(alice)).identities.first?.own == false)

        var reply = AgentRequest.sealEnvelope(from: "bob", to: [alice], plaintext: Array("hello alice".utf8))
        reply.replyTo = letter
        let answer = try onB.call(reply).cid
        try b.waitForPublication()
        var openAnswer = AgentRequest.openEnvelope(answer)
        openAnswer.allowUntrusted = true
        #expect([UInt8](try onA.call(openAnswer).data) == Array("hello alice".utf8))

        // What came from the node is not published again, and counts as this host's from now on.
        #expect(try onA.call(.publication(of: bob)).publications.first?.state == "fetched")
        #expect(try onA.call(.getBlock(bob, localOnly: true)).cid == bob)
    }

    @Test("a block that nobody has is NOT_FOUND within the time limit, and local reads never ask the IPFS node")
    func nobodyHasIt() throws {
        let node = try TestNode()
        let agent = try TestAgent(publishingTo: node.api, more: ["read_timeout_ms: 300"])
        let cid = CID(hashing: Array("nobody has it".utf8), codec: .raw).description
        let error = try agent.client().refusal(.getBlock(cid))
        #expect(error.code == .notFound && error.message.contains("neither here nor"))
        #expect(
            try agent.client().refusal(.getBlock(cid, localOnly: true)).message.contains("not in this host's ledger"))
    }

    @Test("a node that lies about a block makes DATA_LOSS, and nothing of it is kept")
    func lies() throws {
        let node = try FakeNode { target in
            target.contains("/block/get") ? .bytes(Array("a lie".utf8)) : .status(503, "")
        }
        let agent = try TestAgent(publishingTo: node.api)
        let cid = CID(hashing: Array("the truth".utf8), codec: .raw)
        let error = try agent.client().refusal(.getBlock("\(cid)"))
        #expect(error.code == .dataLoss)
        #expect(error.message.contains("\(cid)"))
        #expect(error.message.contains("\(CID(hashing: Array("a lie".utf8), codec: .raw))"))
        #expect(try agent.client().call(.list(.ledgerList)).blocks.allSatisfy { $0.kind == "identity" })
    }

    @Test("a node that is away leaves what is here readable, and says why the rest is not")
    func away() throws {
        let agent = try TestAgent(publishingTo: "unix:/nonexistent/api.sock")
        let client = agent.client()
        let here = try client.call(.putBlock([1, 2, 3])).cid
        #expect([UInt8](try client.call(.getBlock(here)).data) == [1, 2, 3])
        let other = CID(hashing: [4], codec: .raw)
        let error = try client.refusal(.getBlock("\(other)"))
        #expect(error.code == .unavailable)
        #expect(error.message.contains("\(other)") && error.message.contains("unix:/nonexistent/api.sock"))
    }
}
