import Foundation

@testable import DTAFormats

/// A body in chunks, made block by block as a client makes it.
struct ChunkedBody {
    let content: Data
    let plan: ChunkPlan
    let blocks: [Data]

    var links: [CID] { blocks.map { CID(hashing: Array($0), codec: .raw) } }

    init(_ content: Data, cipher: ChunkCipher?) throws {
        self.content = content
        let plan = try ChunkPlan(size: content.count, isSealed: cipher != nil)
        self.plan = plan
        blocks = try (0..<plan.blockCount).map { index in
            let start = content.startIndex + plan.offset(ofBlock: index)
            let part = content[start..<start + plan.contentSize(index)]
            return try cipher?.sealBlock(part, index: index, isLast: index == plan.blockCount - 1) ?? Data(part)
        }
    }

    /// Opens blocks as a recipient does: each at its place, as many as the size calls for.
    static func open(_ blocks: [Data], size: Int, with cipher: ChunkCipher) throws -> Data {
        let plan = try ChunkPlan(size: size, isSealed: true)
        var content = Data()
        for index in 0..<plan.blockCount {
            guard index < blocks.count else { throw FormatError(.dataLoss, "a block is missing") }
            content += try cipher.openBlock(blocks[index], index: index, of: plan)
        }
        return content
    }
}
