import Crypto
import Foundation
import TestSupport
import Testing

@testable import DTAFormats

@Suite("Bodies in chunks")
struct ChunkTests {
    static let chunk = ChunkPlan.chunkSize
    static let block = ChunkPlan.blockContent
    let cipher: ChunkCipher

    init() throws {
        cipher = try ChunkCipher(key: (0..<32).map { _ in UInt8.random(in: 0...255) })
    }

    private func body(_ size: Int) throws -> ChunkedBody {
        var random = SeededGenerator()
        return try ChunkedBody(Data(random.bytes(size)), cipher: cipher)
    }

    @Test(
        "a body of any size is sealed and opened, its blocks full but the last",
        arguments: [
            0, 1, chunk - 1, chunk, chunk + 1, 2 * chunk, block - chunk, block - 1, block, block + 1, block + chunk,
            2 * block, 2 * block + 12345,
        ])
    func roundTrip(size: Int) throws {
        let body = try body(size)
        let full = ChunkPlan.fullBlock(isSealed: true)
        #expect(full == 983_280)
        #expect(body.blocks.dropLast().allSatisfy { $0.count == full })
        #expect(body.blocks.map(\.count) == body.blocks.indices.map(body.plan.blockSize))
        #expect(body.blocks.reduce(0) { $0 + $1.count } == size + 16 * body.plan.chunkCount)
        #expect(try ChunkedBody.open(body.blocks, size: size, with: cipher) == body.content)
        // What the agent finds out of the blocks alone.
        let found = try ChunkPlan(blocks: body.blocks.count, lastBlock: body.blocks.last?.count ?? -1, isSealed: true)
        #expect(found == body.plan)
    }

    @Test("chunks are AES-256-GCM with the nonce 000000, index, final flag")
    func specification() throws {
        let key = SymmetricKey(size: .bits256)
        let cipher = try ChunkCipher(key: key.withUnsafeBytes { Array($0) })
        let content = Data(repeating: 7, count: Self.block + Self.chunk + 1)
        let blocks = try ChunkedBody(content, cipher: cipher).blocks
        // The seventeenth chunk is the last one, of one byte; it follows a full one in the second block.
        for (chunk, nonce) in [(0, "000000000000000000000f00"), (1, "000000000000000000001001")] {
            let sealed = blocks[1].dropFirst(chunk * (Self.chunk + 16)).prefix(Self.chunk + 16)
            let box = try AES.GCM.SealedBox(combined: Data(bytes(nonce)) + sealed)
            #expect(try AES.GCM.open(box, using: key) == Data(repeating: 7, count: chunk == 0 ? Self.chunk : 1))
        }
    }

    @Test(
        "truncation of a body in chunks is refused: of the last block, of whole blocks, at a chunk's end, with a size that fits"
    )
    func truncation() throws {
        let size = 2 * Self.block + 3 * Self.chunk + 5
        let body = try body(size)
        for cut in [1, 5, 21, Self.chunk, Self.chunk + 16] {
            let blocks = body.blocks.dropLast() + [body.blocks[2].dropLast(cut)]
            #expect(refusal { _ = try ChunkedBody.open(Array(blocks), size: size, with: cipher) }.kind == .dataLoss)
        }
        // The size is changed to what is left: then the chunk that is last now was not sealed as the last one.
        for left in [2 * Self.block + 3 * Self.chunk, 2 * Self.block, Self.block, Self.chunk] {
            let plan = try ChunkPlan(size: left, isSealed: true)
            var blocks = Array(body.blocks.prefix(plan.blockCount))
            let last = plan.blockCount - 1
            blocks[last] = blocks[last].prefix(plan.blockSize(last))
            let error = refusal("\(left)") { _ = try ChunkedBody.open(blocks, size: left, with: cipher) }
            #expect(error.kind == .dataLoss)
        }
        _ = refusal { _ = try ChunkedBody.open(Array(body.blocks.dropLast()), size: size, with: cipher) }
        _ = refusal { _ = try ChunkedBody.open([], size: 0, with: cipher) }
    }

    @Test(
        "extension of a body in chunks is refused: a chunk after the final one, bytes after the end, a second final chunk"
    )
    func extending() throws {
        let size = Self.block - 2 * Self.chunk
        let body = try body(size)
        let more = try self.body(size + Self.chunk)
        for blocks in [
            [body.blocks[0] + Data([0])], [body.blocks[0] + Data(repeating: 0, count: 16)],
            [body.blocks[0] + more.blocks[0].suffix(Self.chunk + 16)],
        ] {
            for claimed in [size, size + 1, size + Self.chunk] {
                let error = refusal { _ = try ChunkedBody.open(blocks, size: claimed, with: cipher) }
                #expect(error.kind == .dataLoss)
            }
        }
    }

    @Test("reordering in a body in chunks is refused: of blocks, and of chunks in a block")
    func reordering() throws {
        let size = 3 * Self.block
        let body = try body(size)
        for order in [[1, 0, 2], [2, 1, 0], [0, 0, 2], [0, 2, 1]] {
            let blocks = order.map { body.blocks[$0] }
            #expect(refusal { _ = try ChunkedBody.open(blocks, size: size, with: cipher) }.kind == .dataLoss)
        }
        let sealed = Self.chunk + 16
        let first = body.blocks[0]
        let swapped = first[sealed..<2 * sealed] + first[..<sealed] + first[(2 * sealed)...]
        #expect(
            refusal { _ = try cipher.openBlock(Data(swapped), index: 0, of: body.plan) }.reason.contains("chunk 0"))
    }

    @Test("a final chunk in the middle is refused: two bodies put together are no body")
    func finalInTheMiddle() throws {
        let one = try body(Self.block)
        let two = try body(Self.block)
        let error = refusal { _ = try ChunkedBody.open(one.blocks + two.blocks, size: 2 * Self.block, with: cipher) }
        #expect(error.kind == .dataLoss && error.reason.contains("chunk 14"))
    }

    @Test("a block of another envelope is refused, and so is a resumed seal under another key")
    func otherKey() throws {
        let other = try ChunkCipher(key: (0..<32).map { _ in UInt8.random(in: 0...255) })
        let size = 2 * Self.block
        let mine = try body(size)
        let theirs = try ChunkedBody(mine.content, cipher: other)
        let mixed = [mine.blocks[0], theirs.blocks[1]]
        #expect(refusal { _ = try ChunkedBody.open(mixed, size: size, with: cipher) }.kind == .dataLoss)
        #expect(refusal { _ = try ChunkedBody.open(mixed, size: size, with: other) }.kind == .dataLoss)
    }

    @Test("any bit that changes in a body in chunks is found, wherever it is")
    func flips() throws {
        var random = SeededGenerator()
        let size = 2 * Self.block + 100
        let body = try body(size)
        for _ in 0..<60 {
            let index = Int.random(in: 0..<body.blocks.count, using: &random)
            var block = body.blocks[index]
            let place = Int.random(in: 0..<block.count, using: &random)
            block[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
            let error = refusal("seed \(random.seed)") {
                _ = try cipher.openBlock(block, index: index, of: body.plan)
            }
            #expect(error.kind == .dataLoss)
        }
    }

    @Test("blocks of a body that have other lengths are not sealed, and not sealed as what they are not")
    func sealingRules() throws {
        for (count, index, isLast) in [(0, 0, false), (0, 1, true), (1, 0, false), (Self.block + 1, 0, true)] {
            let error = refusal("\(count)") {
                _ = try cipher.sealBlock(Data(count: count), index: index, isLast: isLast)
            }
            #expect(error.kind == .invalidArgument)
        }
        _ = refusal { _ = try cipher.sealBlock(Data(count: Self.block), index: -1, isLast: false) }
        _ = refusal { _ = try ChunkCipher(key: [1, 2, 3]) }
        _ = refusal { _ = try cipher.openBlock(Data(), index: 1, of: ChunkPlan(size: 0, isSealed: true)) }
        let error = refusal { _ = try cipher.openBlock(Data(), index: 0, of: ChunkPlan(size: 0, isSealed: false)) }
        #expect(error.reason.contains("public"))
    }

    @Test("the plan of a body of every size adds up, sealed and public, and is found again from its blocks")
    func plans() throws {
        var random = SeededGenerator()
        let edges = [0, 1, Self.chunk, Self.block, 4096 * Self.block, ChunkPlan.maximumSize].flatMap {
            [$0 - 1, $0, $0 + 1]
        }
        let sizes = edges + (0..<2000).map { _ in Int.random(in: 0...5_000_000_000, using: &random) }
        for size in sizes where size >= 0 && size <= ChunkPlan.maximumSize {
            for isSealed in [true, false] {
                let plan = try ChunkPlan(size: size, isSealed: isSealed)
                let last = plan.blockCount - 1
                #expect(plan.offset(ofBlock: last) + plan.contentSize(last) == size, "\(size), seed \(random.seed)")
                #expect(plan.blockSize(last) <= ChunkPlan.fullBlock(isSealed: isSealed))
                #expect(plan.contentSize(last) > 0 || size == 0)
                #expect(
                    try ChunkPlan(blocks: plan.blockCount, lastBlock: plan.blockSize(last), isSealed: isSealed) == plan)
            }
        }
        for size in [-1, ChunkPlan.maximumSize + 1, .max, .min] {
            _ = refusal { _ = try ChunkPlan(size: size, isSealed: true) }
        }
    }

    @Test(
        "a last block that no body has is refused",
        arguments: [
            (1, 0), (1, 15), (2, 16), (2, 0), (1, chunk + 17), (1, chunk + 32), (1, 983_281), (0, 100), (-1, 100),
            (1, -1),
        ])
    func noSuchBlocks(blocks: Int, last: Int) {
        _ = refusal("\(blocks), \(last)") { _ = try ChunkPlan(blocks: blocks, lastBlock: last, isSealed: true) }
    }

    @Test("public blocks have no tags: an empty one is the empty body, and never follows another")
    func publicBlocks() throws {
        #expect(try ChunkPlan(blocks: 1, lastBlock: 0, isSealed: false).size == 0)
        #expect(try ChunkPlan(blocks: 2, lastBlock: 5, isSealed: false).size == Self.block + 5)
        _ = refusal { _ = try ChunkPlan(blocks: 2, lastBlock: 0, isSealed: false) }
        _ = refusal { _ = try ChunkPlan(blocks: 1, lastBlock: Self.block + 1, isSealed: false) }
    }
}
