import DTAConfiguration
import DTAFormats
import DTASystem
import Foundation
import GRDB
import Logging
import TestSupport
import Testing

@testable import DTAAgent
@testable import DTACore
@testable import DTALedger

/// The publisher of an agent's core, with a node that does what real ones do only now and then.
@Suite struct PublisherTests {
    private func core(_ path: String, _ node: MemoryKubo) throws -> Agent {
        var configuration = Configuration(state: path)
        configuration.kubo = .init(api: try KuboEndpoint(node.api))
        configuration.kubo?.retryMilliseconds = 100
        return try Agent(configuration, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }) { _ in }
    }

    private func running(_ core: Agent, _ body: (Publisher) throws -> Void) throws {
        let publisher = try #require(core.publisher)
        let ended = Monitor(false)
        Foundation.Thread.detachNewThread {
            publisher.run()
            ended.withLockSignalling { $0 = true }
        }
        defer {
            publisher.stop()
            _ = ended.wait { $0 ? true : nil }
        }
        try body(publisher)
    }

    @Test("a block that the IPFS node drops before it is pinned is given again, and nothing else is")
    func lost() throws {
        let node = try MemoryKubo()
        let directory = try TemporaryDirectory()
        let core = try core(directory.path, node)
        let outbox = try #require(core.publisher).outbox
        let owner = Owner(uid: 1000, name: "alice")
        let parts = (1...3).map { [UInt8]("part \($0)".utf8) }
        let names = parts.map { CID(hashing: $0, codec: .raw) }
        let root = [UInt8]("root".utf8)
        let rootName = CID(hashing: root, codec: .raw)
        node.state.withLock { $0.losses = [["\(names[1])"], ["\(rootName)"]] }
        try core.ledger.blocks.store.write { database in
            for (bytes, cid) in zip(parts, names) {
                try core.ledger.blocks.insert(bytes, cid, .block, partOf: rootName, owner: owner, in: database)
            }
            try core.ledger.blocks.insert(root, rootName, .envelope, owner: owner, in: database)
        }
        try running(core) { _ in
            try eventually("the pin") { try outbox.counts() == [.published: 4] }
        }
        let state = node.state.withLock { $0 }
        #expect(state.pins == ["\(rootName)"])
        #expect(Set(state.blocks.keys) == Set((names + [rootName]).map { "\($0)" }))
        #expect(state.puts == 6)
    }

    @Test("a disk that is full here loses nothing: what the node has already is given again when there is room")
    func fullDisk() throws {
        let directory = try TemporaryDirectory()
        guard let disk = try SmallDisk(kilobytes: 4096, at: directory.file("disk")) else { return }
        let node = try MemoryKubo()
        let core = try core(disk.path, node)
        let outbox = try #require(core.publisher).outbox
        let filler = disk.path + "/filler"
        _ = FileManager.default.createFile(atPath: filler, contents: nil)
        let handle = try #require(FileHandle(forWritingAtPath: filler))
        try running(core) { publisher in
            try eventually("the node to be met") { publisher.health.state == .up }
            node.state.withLock { $0.isAway = true }
            for number in 0..<20 {
                _ = try core.ledger.put(alice, data: [UInt8]("block \(number)".utf8), contentType: "")
            }
            for size in [65_536, 4096, 1] { while (try? handle.write(contentsOf: Data(count: size))) != nil {} }
            node.state.withLock { $0.isAway = false }
            try eventually("the node to have the blocks") { node.state.withLock { $0.blocks.count } == 20 }
            try handle.close()
            try FileManager.default.removeItem(atPath: filler)
            try eventually("the outbox to know it") { try outbox.counts() == [.published: 20] }
        }
        #expect(node.state.withLock { $0.pins.count } == 20)
    }

    @Test(
        "at another node, what ledger gc dropped here says so, and goes there when it is imported; what that node has is taken as given"
    )
    func droppedBlocks() throws {
        let node = try MemoryKubo()
        let directory = try TemporaryDirectory()
        let core = try core(directory.path, node)
        let outbox = try #require(core.publisher).outbox
        let contents = ["gone", "there"].map { [UInt8]($0.utf8) }
        let cids = try contents.map { try core.ledger.put(alice, data: $0, contentType: "") }
        try running(core) { publisher in
            try eventually("both to be published") { try outbox.counts() == [.published: 2] }
            let collected = try core.ledger.collect(root, dryRun: false, cursor: "")
            #expect(collected.dropped == 2)
            node.state.withLock {
                $0 = MemoryKubo.State()
                $0.id = "QmOther"
                $0.blocks["\(cids[1])"] = contents[1]
                $0.isAway = true
            }
            try eventually("the other node") { publisher.health.state == .away || publisher.health.peer == "QmOther" }
            _ = try core.ledger.put(alice, data: [1], contentType: "")
            node.state.withLock { $0.isAway = false }
            try eventually("the reason") { try outbox.publication(cids[0])?.error.isEmpty == false }
            let reason = try #require(try outbox.publication(cids[0])).error
            #expect(reason.contains("this block were dropped here") && reason.contains("import the block again"))
            #expect(try refusal { _ = try core.ledger.get("\(cids[0])") }.message.contains("were dropped here"))
            try eventually("what the node has") { try outbox.publication(cids[1])?.state == .published }
            _ = try core.ledger.put(alice, data: contents[0], contentType: "")
            try eventually("what was imported") { try outbox.counts() == [.published: 3] }
        }
        #expect(node.state.withLock { $0.pins } == Set((cids + [CID(hashing: [1], codec: .raw)]).map { "\($0)" }))
    }

    @Test("one letter does not wait behind another user's thousands of blocks")
    func fairness() throws {
        let node = try MemoryKubo()
        let directory = try TemporaryDirectory()
        let core = try core(directory.path, node)
        let blocks = core.ledger.blocks
        let count = 5000
        try blocks.store.write { database in
            for number in 0..<count {
                let bytes = [UInt8]("block \(number)".utf8)
                try blocks.insert(
                    bytes, CID(hashing: bytes, codec: .raw), .block, owner: Owner(uid: 1000, name: "alice"),
                    in: database)
            }
        }
        let letter = try core.ledger.put(bob, data: [7], contentType: "")
        let outbox = try #require(core.publisher).outbox
        try running(core) { _ in
            try eventually("the letter") { try outbox.publication(letter)?.state == .published }
            // Some batches of blocks come before, but of all pins it is among the first.
            let state = node.state.withLock { $0 }
            #expect(state.order.firstIndex(of: "\(letter)").map { $0 < 2 } == true)
            try eventually("all of it") { try outbox.counts() == [.published: count + 1] }
        }
        #expect(node.state.withLock { $0.puts } == count + 1)
    }

    @Test("a thousand blocks that come at once are each given once")
    func batches() throws {
        let node = try MemoryKubo()
        let directory = try TemporaryDirectory()
        let core = try core(directory.path, node)
        let blocks = core.ledger.blocks
        let owner = Owner(uid: 1000, name: "alice")
        try blocks.store.write { database in
            for number in 0..<1000 {
                let bytes = [UInt8]("block \(number)".utf8)
                try blocks.insert(bytes, CID(hashing: bytes, codec: .raw), .block, owner: owner, in: database)
            }
        }
        let outbox = try #require(core.publisher).outbox
        try running(core) { _ in
            try eventually("all of it") { try outbox.counts() == [.published: 1000] }
        }
        #expect(node.state.withLock { $0.puts } == 1000)
    }
}
