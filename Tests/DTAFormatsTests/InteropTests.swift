import Foundation
import TestSupport
import Testing

@testable import DTAFormats

/// Other people's implementations, each asked for thousands of documents in one run.
private enum Judge {
    private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .appendingPathComponent("../..").standardizedFileURL.path

    /// Made by `Scripts/python`.
    static let interpreter = root + "/.build/python/bin/python"

    static var isThere: Bool { access(root + "/.build/python/requirements.txt", R_OK) == 0 }

    /// - Returns: the lines that the judge printed.
    static func ask(_ arguments: [String], lines: [String] = []) throws -> [String] {
        let result = try run(
            interpreter, ["-B", root + "/Tests/interop/dagcbor_judge.py"] + arguments,
            input: Array(lines.map { $0 + "\n" }.joined().utf8))
        guard result.status == 0 else { throw TestFailure("the judge: \(result.errors)") }
        return result.text.split(separator: "\n", omittingEmptySubsequences: true).map(String.init)
    }

    /// What it makes of one block.
    struct Verdict {
        /// Nil: refused.
        let accepted: (flags: Set<String>, cid: String, plain: String, again: String)?

        init(_ line: String) {
            let words = line.split(separator: " ").map(String.init)
            accepted =
                words.count == 5 && words[0] == "accepted"
                ? (Set(words[1].split(separator: ",").map(String.init)), words[2], words[3], words[4]) : nil
        }
    }

    static func read(_ blocks: [[UInt8]]) throws -> [Verdict] {
        let answers = try ask(["read"], lines: blocks.map(hex)).map(Verdict.init)
        guard answers.count == blocks.count else { throw TestFailure("\(answers.count) answers") }
        return answers
    }
}

/// What PyPI's dag-cbor, cbor2, multiformats and aleph-cid say of this project's bytes, and it of theirs.
@Suite("Judged by others", .ownThread, .enabled(if: Judge.isThere, "needs the environment that Scripts/python makes"))
struct InteropTests {
    /// Documents of each test.
    static let count = 3000

    @Test("dag-cbor and cbor2 read what is written here as the same value under the same CID, and write the same")
    func theyRead() throws {
        var random = SeededGenerator()
        let values = (0..<InteropTests.count).map { _ in random.value() }
        let blocks = try values.map(DAGCBOR.encode)
        for (index, verdict) in try Judge.read(blocks).enumerated() {
            let context = "seed \(random.seed), document \(index): \(hex(blocks[index]))"
            guard let accepted = verdict.accepted else {
                Issue.record("refused: \(context)")
                continue
            }
            #expect(accepted.flags == ["-"], "\(context)")
            #expect(accepted.plain == plain(values[index]), "\(context)")
            #expect(accepted.again == hex(blocks[index]), "\(context)")
            #expect(accepted.cid == CID(hashing: blocks[index], codec: .dagCBOR).description, "\(context)")
        }
    }

    @Test("this library reads what dag-cbor writes as the same value under the same CID, and writes the same")
    func theyWrite() throws {
        var random = SeededGenerator()
        let seed = random.next() >> 1
        let lines = try Judge.ask(["write", "\(seed)", "\(InteropTests.count)"])
        #expect(lines.count == InteropTests.count)
        for line in lines {
            let words = line.split(separator: " ").map(String.init)
            let block = try bytes(words[0])
            let value = try DAGCBOR.decode(block)
            #expect(plain(value) == words[2], "seed \(seed): \(line)")
            #expect(try DAGCBOR.encode(value) == block, "seed \(seed): \(line)")
            #expect(try CID(words[1]) == CID(hashing: block, codec: .dagCBOR), "seed \(seed): \(line)")
        }
    }

    @Test("this library and dag-cbor refuse the same, but for other kinds of CIDs and for depth")
    func refusals() throws {
        var random = SeededGenerator()
        // Damaged documents, and noise of heads that mean something.
        let blocks = try (0..<InteropTests.count * 2).map { _ in
            try random.damaged(DAGCBOR.encode(random.value()))
        }
        var (accepted, refused) = (0, 0)
        for (block, verdict) in zip(blocks, try Judge.read(blocks)) {
            let context = "seed \(random.seed): \(hex(block))"
            do {
                let value = try DAGCBOR.decode(block)
                accepted += 1
                #expect(verdict.accepted?.flags == ["-"], "accepted here alone: \(context)")
                #expect(verdict.accepted?.plain == plain(value), "\(context)")
            } catch let error as FormatError {
                refused += 1
                guard let flags = verdict.accepted?.flags, flags == ["-"] else { continue }
                Issue.record("refused here alone: \(error.reason): \(context)")
            }
        }
        #expect(accepted > 100 && refused > 1000, "seed \(random.seed): \(accepted) accepted, \(refused) refused")
    }

    @Test("CBOR that cbor2 writes and DAG-CBOR has no room for is refused, whichever rule it breaks")
    func otherCBOR() throws {
        var random = SeededGenerator()
        let seed = random.next() >> 1
        let lines = try Judge.ask(["write-cbor", "\(seed)", "2000"])
        var rules: Set<String> = []
        for line in lines {
            let words = line.split(separator: " ", maxSplits: 1).map(String.init)
            rules.insert(words[1])
            let block = try bytes(words[0])
            _ = refusal("seed \(seed): \(line)") { _ = try DAGCBOR.decode(block) }
        }
        #expect(rules.count == 8)
    }

    @Test("each vector of what is refused is refused by dag-cbor too, but for those that say why not")
    func vectors() throws {
        let vectors = try RefusedVectors.read()
        for (vector, verdict) in zip(vectors, try Judge.read(vectors.map { try bytes($0.bytes) })) {
            let flags = vector.acceptedElsewhere.map { [$0.flag] } ?? []
            #expect(verdict.accepted?.flags.sorted() ?? [] == flags, "\(vector.rule): \(vector.bytes)")
        }
    }

    @Test("aleph-cid names raw blocks as this project does")
    func rawCIDs() throws {
        var random = SeededGenerator()
        let blocks = [1, 2, 63, 64, 65, 1000, 4096, 65_536, 262_144].map { random.bytes($0) }
        let names = try Judge.ask(["raw"], lines: blocks.map(hex))
        #expect(names == blocks.map { CID(hashing: $0, codec: .raw).description })
    }

    @Test("a CAR that is written here is read by others: its root by aleph-cid, its blocks and names by dag-cbor")
    func archives() throws {
        var random = SeededGenerator()
        let directory = try TemporaryDirectory()
        var blocks = (0..<20).map { _ in ContentBlock(hashing: random.bytes(1000), codec: .raw) }
        for _ in 0..<20 { blocks.append(ContentBlock(hashing: try DAGCBOR.encode(random.value()), codec: .dagCBOR)) }
        blocks.append(ContentBlock(hashing: [UInt8](repeating: 1, count: DAGCBOR.maximumSize), codec: .raw))
        for roots in [[blocks[25].cid], [blocks[0].cid, blocks[30].cid]] {
            var car: [UInt8] = []
            var writer = try CARWriter(roots: roots) { car += $0 }
            for block in blocks { try writer.append(block) }
            let lines = try Judge.ask(["car", directory.write("x.car", car)])
            #expect(lines.first == "roots " + roots.map(\.description).joined(separator: " "))
            #expect(lines.dropFirst().map { $0 } == blocks.map { "\($0.cid) \($0.bytes.count)" })
        }
    }
}
