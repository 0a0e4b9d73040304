import AgentProtocol
import DTAFormats
import DTASystem
import Foundation
import TestSupport
import Testing

/// A whole agent that publishes to a real node, through all that can happen to either.
@Suite(.ownThread, .enabled(if: TestNode.isInstalled)) struct PublishingTests {
    @Test("a block that is stored is put on the IPFS node and pinned there, and the agent says so")
    func publishes() throws {
        let node = try TestNode()
        let agent = try TestAgent(publishingTo: node.api)
        let client = agent.client()
        let raw = try client.call(.putBlock(Array("to be published".utf8))).cid
        let identity = try client.call(.createIdentity("alice")).cid
        let envelope = try client.call(.sealEnvelope(from: "alice", to: ["alice"], plaintext: [1])).cid
        try agent.waitForPublication()
        let pins = try node.ask("pin/ls?type=recursive")
        for cid in [raw, identity, envelope] {
            #expect(try client.publication(cid).state == "published")
            #expect(pins.contains(cid))
        }
        let status = try client.call(.list(.ledgerStatus))
        #expect(status.field("state") == "up" && status.field("peer") == node.id && status.field("waiting") == "0")
        #expect(status.publications.isEmpty)
        #expect(try client.call(.status()).field("ipfs.state") == "up")
    }

    @Test("a block that was stored before an IPFS node was configured is published once one is")
    func adopts() throws {
        let agent = try TestAgent()
        let cid = try agent.client().call(.putBlock(Array("older than the node".utf8))).cid
        #expect(try agent.client().refusal(.publication(of: cid)).code == .failedPrecondition)
        agent.stop()
        let node = try TestNode()
        try agent.publish(to: node.api)
        try agent.start()
        try agent.waitForPublication()
        #expect(try agent.client().publication(cid).state == "published")
        #expect(try node.ask("pin/ls?type=recursive").contains(cid))
    }

    @Test("a node that is away when the agent starts, then answers 503, then is killed, gets everything in the end")
    func nodeComesAndGoes() throws {
        let node = try TestNode(starting: false)
        let agent = try TestAgent(publishingTo: node.api)
        let client = agent.client()
        var cids: [String] = []
        func store(_ count: Int) throws {
            for _ in 0..<count { cids.append(try client.call(.putBlock(Array("block \(cids.count)".utf8))).cid) }
        }
        try store(10)
        try agent.wait("the node to be away") { try client.call(.status()).field("ipfs.state") == "away" }
        let away = try client.call(.list(.ledgerStatus))
        #expect(away.field("reason").contains("cannot be reached") && away.field("reason").contains(node.api))
        #expect(away.publications.map(\.state) == away.publications.map { _ in "waiting" })
        #expect(away.publications.count == Int(away.field("waiting")))

        try node.start()
        try agent.waitForPublication()
        node.refuse(true)
        try agent.wait("the 503 to be noticed") {
            try store(1)
            return try client.call(.status()).field("ipfs.reason").contains("503")
        }
        node.refuse(false)
        try agent.wait("the node to be back") { try client.call(.status()).field("ipfs.state") == "up" }
        try store(30)
        // In the middle of its work, most of the time; and in any case with some left.
        node.kill()
        try store(1)
        try agent.wait("the node's end to be noticed") { try client.call(.status()).field("ipfs.state") == "away" }
        try node.start()
        try agent.waitForPublication()
        let pins = try node.ask("pin/ls?type=recursive")
        for cid in cids { #expect(pins.contains(cid)) }
        // One line when it went and one when it came back, each time.
        let lines = agent.log.split(separator: "\n")
        #expect(lines.filter { $0.contains("the IPFS node is away") }.count == 3)
        #expect(lines.filter { $0.contains("the IPFS node is back") }.count == 3)
        #expect(lines.count < 30, "\(agent.log)")
    }

    @Test("an agent that is killed again and again loses nothing and leaves nothing unpublished")
    func agentIsKilled() throws {
        let node = try TestNode()
        let agent = try TestAgent(publishingTo: node.api)
        var cids: [String] = []
        for round in 0..<4 {
            let client = agent.client()
            for number in 0..<10 { cids.append(try client.call(.putBlock(Array("\(round) \(number)".utf8))).cid) }
            agent.crash()
            try agent.start()
        }
        try agent.waitForPublication()
        let pins = try node.ask("pin/ls?type=recursive")
        for cid in cids {
            #expect(pins.contains(cid))
            #expect(try agent.client().publication(cid).state == "published")
        }
    }

    @Test("a node that fails at every third call, anywhere, gets everything all the same")
    func unreliable() throws {
        let seed = UInt64.random(in: .min ... .max)
        print("seed \(seed)")
        let node = try TestNode(options: ["--fail-rate", "0.3"])
        let agent = try TestAgent(publishingTo: node.api)
        let client = agent.client()
        let cids = try (0..<12).map { try client.call(.putBlock(Array("\(seed) \($0)".utf8))).cid }
        try agent.waitForPublication()
        node.kill()
        let calm = try TestNode(node)
        let pins = try calm.ask("pin/ls?type=recursive")
        for cid in cids { #expect(pins.contains(cid)) }
    }

    @Test("a block that the IPFS node refuses keeps its reason, waits, and holds up nothing else")
    func refusal() throws {
        let bad = CID(hashing: Array("bad".utf8), codec: .raw).description
        let good = CID(hashing: Array("good".utf8), codec: .raw).description
        let turn = Locked(0)
        let full = #"{"Message":"write /blocks: no space left on device","Code":0,"Type":"error"}"#
        // Answers as Kubo does; but it has no room for one block's pin.
        let node = try FakeNode { target in
            if target.contains("/version") { return .status(200, #"{"Version":"0.39.0"}"#) }
            if target.contains("/id") { return .status(200, #"{"ID":"Qm1"}"#) }
            let cid = target.split(separator: "=").dropFirst().first?.prefix(59) ?? ""
            if target.contains("/pin/add"), cid == bad { return .status(500, full) }
            if target.contains("/pin/add") { return .status(200, #"{"Pins":["\#(cid)"]}"#) }
            if target.contains("/pin/ls") { return .status(200, #"{"Keys":{"\#(cid)":{"Type":"recursive"}}}"#) }
            if target.contains("/block/stat") { return .status(200, #"{"Key":"\#(cid)","Size":1}"#) }
            // It does not read the block, so it names the two in turn: a name that is not the block's is an error, and
            // the block is given again.
            let key = turn.withLock { turn -> String in
                turn += 1
                return turn % 2 == 0 ? bad : good
            }
            return .status(200, #"{"Key":"\#(key)"}"#)
        }
        let agent = try TestAgent(publishingTo: node.api)
        let client = agent.client()
        for text in ["bad", "good"] { _ = try client.call(.putBlock(Array(text.utf8))) }
        try agent.wait("the good block to be published, and the bad one's reason to be kept") {
            let publication = try client.publication(bad)
            return try client.publication(good).state == "published" && publication.attempts > 0
                && publication.error.contains("no space left on device")
        }
        // One block's trouble is not the node's.
        #expect(try client.call(.list(.ledgerStatus)).field("state") == "up")
        #expect(try client.publication(bad).state == "stored")
    }

    @Test("the agent signs, stores and answers while the node takes connections and says nothing")
    func hangs() throws {
        let node = try FakeNode { _ in .silence }
        let agent = try TestAgent(publishingTo: node.api)
        let client = agent.client()
        _ = try client.call(.createKey("k", type: .p256))
        for number in 0..<50 {
            _ = try client.call(.sign(key: "k", message: Array("\(number)".utf8)))
            _ = try client.call(.putBlock(Array("\(number)".utf8)))
        }
        #expect(try client.call(.list(.ledgerStatus)).field("waiting").isEmpty == false)
        // And it ends at once when it is told to, although a call is waiting.
        #expect(agent.stop() == 0)
        #expect(!agent.log.contains("were cut off"))
    }

    @Test("another IPFS node, or one that lost everything, is given everything again")
    func anotherNode() throws {
        let first = try TestNode()
        let agent = try TestAgent(publishingTo: first.api)
        let cid = try agent.client().call(.putBlock(Array("for both".utf8))).cid
        try agent.waitForPublication()
        agent.stop()
        first.kill()
        try FileManager.default.removeItem(atPath: first.directory.file("state"))
        try first.start()
        try agent.start()
        try agent.wait("the other node to be noticed") { agent.log.contains("another IPFS node") }
        try agent.waitForPublication()
        #expect(try first.ask("pin/ls?type=recursive").contains(cid))
    }
}
