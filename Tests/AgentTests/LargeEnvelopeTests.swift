import AgentProtocol
import DTAFormats
import DTASystem
import Foundation
import TestSupport
import Testing

/// Bodies in chunks through a real agent, as a program sends them.
@Suite("Large envelopes", .ownThread)
struct LargeEnvelopeTests {
    private static let size = 5 * ChunkPlan.blockContent + 77

    private let agent: TestAgent

    init() throws {
        agent = try TestAgent()
        _ = try agent.client().call(.createIdentity("alice"))
    }

    private let address = AgentRequest.EnvelopeAddress(from: "alice", to: ["alice"], contentType: "text/plain")

    private var segments: [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: agent.state + "/segments")) ?? []).sorted()
    }

    private func content(_ index: Int, of plan: ChunkPlan) -> Data {
        Data(repeating: UInt8(index), count: plan.contentSize(index))
    }

    /// Seals a body whose blocks each repeat their index.
    private func seal(_ client: BlockingAgentClient, depth: Int = 4) throws -> String {
        let answer = try client.call(.draftEnvelope(address))
        let cipher = try ChunkCipher(key: answer.key)
        let plan = try ChunkPlan(size: Self.size, isSealed: true)
        var index = 0
        try client.pipeline(depth: depth) {
            guard index < plan.blockCount else { return nil }
            defer { index += 1 }
            let block = try cipher.sealBlock(
                content(index, of: plan), index: index, isLast: index == plan.blockCount - 1)
            return .envelopeChunk(draft: answer.cursor, index: index, block: block)
        } answered: {
            #expect($0.code == .ok)
        }
        return try client.call(.finishEnvelope(draft: answer.cursor, blocks: plan.blockCount)).cid
    }

    /// Opens it, block by block.
    private func check(_ cid: String, _ client: BlockingAgentClient, depth: Int = 4) throws {
        let answer = try client.call(.openEnvelope(cid))
        #expect(answer.size == UInt64(Self.size) && answer.data.isEmpty)
        let cipher = try ChunkCipher(key: answer.key)
        let block = try [UInt8](client.call(.getBlock(cid)).data)
        let chunks = try #require(try SignedEnvelope(block: block).envelope.chunks)
        let links = try chunks.links()
        var asked = 0
        var index = 0
        try client.pipeline(depth: depth) {
            guard asked < links.count else { return nil }
            defer { asked += 1 }
            return .getBlock(links[asked].description)
        } answered: { answer in
            let opened = try cipher.openBlock(answer.data, index: index, of: chunks.plan)
            #expect(opened == content(index, of: chunks.plan))
            index += 1
        }
        #expect(index == links.count)
    }

    @Test(
        "the body of a large envelope passes through the agent block by block, whatever the number in flight",
        arguments: [1, 4, 50])
    func roundTrip(depth: Int) throws {
        let client = agent.client()
        let cid = try seal(client, depth: depth)
        try check(cid, client, depth: depth)
        #expect(try client.call(.status()).code == .ok)
    }

    @Test("bodies that are sealed at the same time do not get mixed up")
    func parallel() throws {
        let agent = agent
        let cids = Locked<[String]>([])
        DispatchQueue.concurrentPerform(iterations: 4) { _ in
            if let cid = try? seal(agent.client()) { cids.withLock { $0.append(cid) } }
        }
        #expect(cids.withLock { $0 }.count == 4)
        for cid in cids.withLock({ $0 }) { try check(cid, agent.client()) }
        #expect(segments.count == 4)
    }

    @Test("a refusal while a body is sealed ends that with the refusal's own sentence, and the client goes on")
    func refusals() throws {
        let client = agent.client()
        let draft = try client.call(.draftEnvelope(address)).cursor
        var index = 0
        let error = #expect(throws: DTAError.self) {
            try client.pipeline(depth: 4) {
                defer { index += 1 }
                return index < 10 ? .envelopeChunk(draft: draft, index: index % 2, block: Data(count: 983_280)) : nil
            } answered: { _ in
            }
        }
        #expect(error?.code == .failedPrecondition && error?.message.contains("was sent before") == true)
        #expect(index < 10)
        _ = try client.call(.abandonEnvelope(draft: draft))
        #expect(segments.isEmpty)
        #expect(try client.refusal(.abandonEnvelope(draft: draft)).code == .notFound)
    }

    @Test("an error of the client's own part ends the sealing of a body, and the client goes on")
    func ownErrors() throws {
        struct Own: Error {}
        let client = agent.client()
        #expect(throws: Own.self) { try client.pipeline(depth: 2, next: { throw Own() }, answered: { _ in }) }
        #expect(throws: Own.self) {
            try client.pipeline(depth: 2, next: { .status() }, answered: { _ in throw Own() })
        }
        #expect(try client.call(.status()).code == .ok)
    }

    @Test("another user has no part in a draft of an envelope", .enabled(if: OtherUser.arePossible))
    func otherUser() throws {
        let client = agent.client()
        let answer = try client.call(.draftEnvelope(address))
        for (operation, more) in [("chunk", ", data=b'x' * 100"), ("finish", ", count=1"), ("abandon", "")] {
            let said = try OtherUser.wwwData.run(
                "agent.call('envelope_\(operation)', subject='\(answer.cursor)'\(more))", on: agent)
            #expect(said.hasPrefix("NOT_FOUND: user www-data (33) has no such draft"), "\(said)")
        }
        #expect(segments == ["\(answer.cursor).partial"])
    }

    @Test("the agent's end leaves no half body of an envelope", arguments: [SIGTERM, SIGKILL])
    func end(signal: Int32) throws {
        let client = agent.client()
        let draft = try client.call(.draftEnvelope(address)).cursor
        _ = try client.call(.envelopeChunk(draft: draft, index: 0, block: Data(count: 983_280)))
        if signal == SIGTERM { agent.stop() } else { agent.crash() }
        try agent.start()
        #expect(segments.isEmpty)
        #expect(try agent.client().refusal(.finishEnvelope(draft: draft, blocks: 1)).code == .notFound)
    }

    @Test(
        "a crash during sealing leaves an envelope that can be opened, or nothing",
        arguments: [
            "envelope.draft.1", "envelope.chunk.1", "envelope.finish.1", "envelope.finish.2", "envelope.finish.3",
        ])
    func crash(point: String) throws {
        #expect(agent.stop() == 0)
        try agent.start(environment: ["DTAD_CRASH_AT": point])
        #expect(throws: (any Error).self) { try seal(agent.client()) }
        #expect(agent.waitForEnd() == 128 + SIGKILL)
        #expect(!segments.isEmpty)
        try agent.start()
        let client = agent.client()
        let blocks = try client.call(.list(.ledgerList)).blocks
        let isStored = point == "envelope.finish.3"
        #expect(blocks.count { $0.kind == "envelope" } == (isStored ? 1 : 0))
        #expect(blocks.count { $0.kind == "block" } == (isStored ? 6 : 0))
        #expect(segments.count == (isStored ? 1 : 0))
        for envelope in blocks where envelope.kind == "envelope" { try check(envelope.cid, client) }
        try check(try seal(client), client)
    }

    @Test("public envelopes, replies and threads pass over the wire")
    func threads() throws {
        let client = agent.client()
        let question = try client.call(
            .sealEnvelope(.init(from: "alice", to: [], contentType: "text/plain"), plaintext: [1])
        ).cid
        let answer = try client.call(
            .sealEnvelope(.init(from: "alice", to: ["alice"], replyTo: question), plaintext: [2])
        ).cid
        let thread = try client.call(.envelopeThread(answer)).envelopes
        #expect(thread.map(\.cid) == [question, answer])
        #expect(thread.map(\.public) == [true, false] && thread.map(\.previous) == ["", question])
        #expect(thread.allSatisfy { $0.standing == "current" && $0.trust == "trusted" && $0.thread.count == 32 })
        let opened = try client.call(.openEnvelope(question))
        #expect([UInt8](opened.data) == [1] && opened.key.isEmpty && opened.size == 0)
        #expect(opened.fields.contains { $0.name == "trust" && $0.value == "trusted" })
        let page = try client.call(.envelopeThread(answer, count: 1))
        #expect(try client.call(.envelopeThread(answer, cursor: page.cursor)).envelopes.map(\.cid) == [answer])
    }
}
