import TestSupport
import Testing

@testable import DTAFormats

@Suite("CAR")
struct CARTests {
    /// The bytes in pieces, as a file or a pipe would give them.
    private func pieces(_ bytes: [UInt8], of size: Int = 1000) -> () throws -> [UInt8] {
        var position = 0
        return {
            let end = min(position + size, bytes.count)
            defer { position = end }
            return Array(bytes[position..<end])
        }
    }

    private func write(roots: [CID], _ blocks: [ContentBlock]) throws -> [UInt8] {
        var bytes: [UInt8] = []
        var writer = try CARWriter(roots: roots) { bytes += $0 }
        for block in blocks { try writer.append(block) }
        #expect(writer.size == UInt64(bytes.count))
        #expect(writer.blocks == blocks.count)
        return bytes
    }

    private func read(_ bytes: [UInt8], pieces size: Int = 1000) throws -> (roots: [CID], blocks: [ContentBlock]) {
        var reader = try CARReader(pieces(bytes, of: size))
        var blocks: [ContentBlock] = []
        while let block = try reader.next() { blocks.append(block) }
        #expect(reader.size == UInt64(bytes.count))
        return (reader.roots, blocks)
    }

    private func document(_ links: CID...) throws -> ContentBlock {
        try ContentBlock(hashing: DAGCBOR.encode(.map(["links": .list(links.map { .link($0) })])), codec: .dagCBOR)
    }

    private func raw(_ text: String) -> ContentBlock { ContentBlock(hashing: Array(text.utf8), codec: .raw) }

    @Test("an archive of one raw block has the bytes that the specification lays down")
    func layout() throws {
        let block = raw("hi")
        let hash = "8f434346648f6b96df89dda901c5176b10a6d83961dd3c1ac88b59b2dc327aa4"
        // 58 bytes of header: a map of two, "roots" with one link, "version" 1.
        let expected =
            "3aa265726f6f747381d82a58250001551220\(hash)6776657273696f6e01"
            + "2601551220\(hash)6869"
        #expect(hex(try write(roots: [block.cid], [block])) == expected)
    }

    @Test("a CAR that was written is read again, whatever pieces it comes in", arguments: [1, 2, 37, 1000, 1 << 20])
    func roundTrip(size: Int) throws {
        let leaf = raw("leaf")
        let empty = ContentBlock(hashing: [], codec: .raw)
        let large = ContentBlock(
            hashing: [UInt8](repeating: 7, count: size == 1 ? 5000 : DAGCBOR.maximumSize), codec: .raw)
        let root = try document(leaf.cid, empty.cid, large.cid)
        let bytes = try write(roots: [root.cid, leaf.cid], [root, leaf, empty, large])
        let (roots, blocks) = try read(bytes, pieces: size)
        #expect(roots == [root.cid, leaf.cid])
        #expect(blocks == [root, leaf, empty, large])
    }

    @Test("an archive that is cut short anywhere but between blocks is refused, and half a block is never answered")
    func truncated() throws {
        let (one, other) = (raw("one"), raw("another"))
        let bytes = try write(roots: [one.cid], [one, other])
        let header = try write(roots: [one.cid], []).count
        let whole = [header, header + 1 + 36 + 3, bytes.count]
        for count in 0..<bytes.count {
            let cut = Array(bytes[..<count])
            if whole.contains(count) {
                #expect(try read(cut).blocks.count == (count == header ? 0 : 1))
            } else {
                #expect(refusal("\(count)") { _ = try read(cut) }.kind == .malformed)
            }
        }
    }

    @Test("bytes after the last block of a CAR are refused: they are no block")
    func trailing() throws {
        let bytes = try write(roots: [raw("x").cid], [raw("x")])
        for tail in [[0], [0, 0], [1, 2, 3], [0x80], [UInt8](repeating: 0xff, count: 12)] as [[UInt8]] {
            #expect(refusal("\(tail)") { _ = try read(bytes + tail) }.kind == .malformed)
        }
    }

    @Test("a block whose bytes are not those that its CID names is refused, with both names")
    func mismatch() throws {
        let block = raw("right")
        var bytes = try write(roots: [block.cid], [block])
        bytes[bytes.count - 1] ^= 1
        let error = refusal { _ = try read(bytes) }
        #expect(error.kind == .mismatch)
        #expect(error.reason.contains(block.cid.description) && error.reason.contains(raw("righu").cid.description))
    }

    @Test(
        "a flipped bit anywhere in a CAR is refused or shows in the roots: no block ever has other bytes than its name says"
    )
    func flips() throws {
        let blocks = [raw("one"), try document(raw("one").cid)]
        let bytes = try write(roots: [blocks[1].cid], blocks)
        for index in bytes.indices {
            for bit in 0..<8 {
                var changed = bytes
                changed[index] ^= 1 << UInt8(bit)
                guard let (roots, found) = try? read(changed) else { continue }
                #expect(found == blocks && roots != [blocks[1].cid], "byte \(index), bit \(bit)")
            }
        }
    }

    private func section(_ content: String) throws -> [UInt8] {
        let bytes = try bytes(content)
        return UnsignedVarint.encode(UInt64(bytes.count)) + bytes
    }

    @Test(
        "a CID of another kind in a CAR is unsupported, and named",
        arguments: [
            // From the multicodec table: dag-pb (70), dag-json (0129), identity (00), sha2-512 (13), blake2b-256 (b220).
            ("1220" + String(repeating: "ab", count: 32) + "00", "bafybeifl"),
            ("01701220" + String(repeating: "ab", count: 32) + "00", "bafybeifl"),
            ("01a902 1220" + String(repeating: "ab", count: 32) + "00", "baguqeera"),
            ("01550003616263", "bafkqaa3bmjrq"),
            ("01551340" + String(repeating: "ab", count: 64) + "00", "bafkrgq"),
            ("0155a0e40220" + String(repeating: "ab", count: 32) + "00", "bafk2bz"),
            ("01551214" + String(repeating: "ab", count: 20) + "00", "bafkreff"),
        ])
    func foreign(_ content: String, _ name: String) throws {
        let bytes = try write(roots: [raw("x").cid], [raw("x")]) + section(content)
        let error = refusal { _ = try read(bytes) }
        #expect(error.kind == .unsupported)
        #expect(error.reason.contains(name), "\(error.reason)")
        #expect(error.reason.contains("block 2 of the CAR"))
    }

    @Test(
        "a section of a CAR that does not start with a CID, is too short or too long is refused",
        arguments: ["00", "02", "0155", "01551220abcd", "ffffffffffffffffffff"])
    func noCID(_ content: String) throws {
        let bytes = try write(roots: [raw("x").cid], []) + section(content)
        #expect(refusal { _ = try read(bytes) }.kind == .malformed)
    }

    @Test("the length of a CAR's section is bounded before anything is read for it, and in its shortest form")
    func lengths() throws {
        let header = try write(roots: [raw("x").cid], [])
        let tooLong = UnsignedVarint.encode(UInt64(CAR.sectionLimit) + 1)
        for length in [tooLong, [0], [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f]] {
            #expect(refusal { _ = try read(header + length) }.reason.contains("bytes, not"))
        }
        #expect(refusal { _ = try read(header + [0xa6, 0x00]) }.kind == .notCanonical)
        let ten = [UInt8](repeating: 0x80, count: 9) + [1]
        #expect(refusal { _ = try read(header + ten) }.reason.contains("9 bytes at most"))
    }

    @Test(
        "a header of a CAR that is not exactly a version and roots is refused",
        arguments: [
            "a0", "a16776657273696f6e01", "a265726f6f7473806776657273696f6e01", "80", "01", "f6",
            // Version 2's pragma; version 3; roots of text; roots that are no list.
            "a16776657273696f6e02", "a265726f6f7473806776657273696f6e03", "a265726f6f74738161616776657273696f6e01",
            "a265726f6f7473f66776657273696f6e01",
            // Another key; keys in the wrong order; a long integer.
            "a361780065726f6f7473806776657273696f6e01", "a26776657273696f6e0165726f6f747380",
            "a265726f6f7473806776657273696f6e1801",
        ])
    func headers(_ header: String) throws {
        let bytes = try section(header)
        let error = refusal { _ = try read(bytes) }
        #expect(error.kind != .invalidArgument)
        #expect(error.reason.contains("CAR"), "\(error.reason)")
    }

    @Test("an archive has a root at least, and a thousand at most, for writing and for reading")
    func roots() throws {
        let roots = (0...CAR.rootLimit).map { raw("\($0)").cid }
        #expect(refusal { _ = try write(roots: [], []) }.kind == .invalidArgument)
        #expect(refusal { _ = try write(roots: roots, []) }.kind == .invalidArgument)
        #expect(try read(write(roots: roots.dropLast(), [])).roots.count == CAR.rootLimit)
    }

    @Test(
        "numbers of every length in a CAR are read as they were written",
        arguments: [0, 1, 127, 128, 300, 16383, 16384, 1 << 62])
    func varints(_ number: UInt64) throws {
        var bytes = UnsignedVarint.encode(number)[...]
        #expect(try UnsignedVarint.decode { bytes.removeFirst() } == number)
        #expect(bytes.isEmpty)
    }

    // MARK: Links and walks

    @Test("a block's links are told in their order, as often as they stand there; a raw block has none")
    func links() throws {
        let (a, b) = (raw("a").cid, raw("b").cid)
        let value = DAGCBOR.Value.map(["x": .list([.link(b), .map(["y": .link(a)])]), "z": .link(b), "t": .text("b")])
        let block = try ContentBlock(hashing: DAGCBOR.encode(value), codec: .dagCBOR)
        #expect(try block.links == [b, a, b])
        #expect(value.links == [b, a, b])
        #expect(try ContentBlock(hashing: block.bytes, codec: .raw).links == [])
    }

    @Test("a walk over blocks comes to everything that is linked, each once, and tells what is not there")
    func walk() throws {
        let (leaf, gone) = (raw("leaf"), raw("gone"))
        let middle = try document(leaf.cid, gone.cid)
        let root = try document(middle.cid, leaf.cid, middle.cid)
        let source = Dictionary(uniqueKeysWithValues: [leaf, middle, root].map { ($0.cid, $0.bytes) })
        var walk = try HistoryWalk(from: [root.cid, root.cid])
        var (visited, missing): ([CID], [CID]) = ([], [])
        try walk.run(source) {
            visited.append($0.cid)
        } missing: {
            missing.append($0)
        }
        #expect(visited == [root.cid, middle.cid, leaf.cid])
        #expect(missing == [gone.cid])
    }

    @Test("a source that answers other bytes than it was asked for is found out")
    func lyingSource() throws {
        let source = [raw("right").cid: Array("wrong".utf8)]
        var walk = try HistoryWalk(from: [raw("right").cid])
        #expect(refusal { try walk.run(source, visit: { _ in }, missing: { _ in }) }.kind == .mismatch)
    }

    @Test("a walk over blocks is bounded in blocks and in length, and needs no deep stack for a long chain")
    func bounds() throws {
        var source: [CID: [UInt8]] = [:]
        var last = raw("end").cid
        for _ in 0..<20_000 {
            let block = try document(last)
            source[block.cid] = block.bytes
            last = block.cid
        }
        var count = 0
        var walk = try HistoryWalk(from: [last])
        try walk.run(source) { _ in
            count += 1
        } missing: { _ in
        }
        #expect(count == 20_000)
        for limits in [HistoryWalk.Limits(blocks: 100), .init(depth: 100)] {
            var bounded = try HistoryWalk(from: [last], limits: limits)
            #expect(refusal { try bounded.run(source, visit: { _ in }, missing: { _ in }) }.kind == .unsupported)
        }
    }
}
