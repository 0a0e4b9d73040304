import Crypto
import DTABytes
import FoundationEssentials

/// Seals and opens the blocks of one body with its chunk key. A key serves one body: a failed attempt to seal is
/// started again with another key.
///
/// Each chunk is AES-256-GCM with the nonce 00 00 00 ‖ its index in the body (8 bytes, big-endian) ‖ 01 for the last
/// one of the body, else 00. So a chunk fits one place in one body, and the body cannot be cut short.
public struct ChunkCipher: Sendable {
    private let key: SymmetricKey

    /// - Parameter key: 32 bytes.
    public init(key: borrowing Secret) throws {
        guard key.count == 32 else {
            throw FormatError(.invalidArgument, "a chunk key has 32 bytes, not \(key.count)")
        }
        self.key = unsafe key.withUnsafeBytes { unsafe SymmetricKey(data: $0) }
    }

    /// Seals the plaintext of one block.
    /// - Parameter content: 983,040 bytes, in the last block 1 to as many, 0 if the whole body is empty.
    /// - Parameter index: that of the block, from 0.
    /// - Parameter isLast: whether the body ends with it.
    public func sealBlock(_ content: Data, index: Int, isLast: Bool) throws -> Data {
        guard content.count == ChunkPlan.blockContent || (isLast && content.count < ChunkPlan.blockContent),
            !content.isEmpty || (isLast && index == 0), index >= 0
        else {
            throw FormatError(
                .invalidArgument, "a block holds \(ChunkPlan.blockContent) bytes, and only the last one fewer")
        }
        let count = max(1, (content.count + ChunkPlan.chunkSize - 1) / ChunkPlan.chunkSize)
        var sealed = Data(capacity: content.count + count * Envelope.tagSize)
        for chunk in 0..<count {
            let start = content.startIndex + chunk * ChunkPlan.chunkSize
            let end = min(start + ChunkPlan.chunkSize, content.endIndex)
            let box = try AES.GCM.seal(
                content[start..<end], using: key,
                nonce: nonce(index * ChunkPlan.chunksPerBlock + chunk, isFinal: isLast && chunk == count - 1))
            // nonce ‖ ciphertext ‖ tag; it is nil for other nonces than those of 12 bytes.
            guard let combined = box.combined else { throw FormatError(.invalidArgument, "a nonce of another length") }
            sealed.append(combined.dropFirst(ChunkCipher.nonceSize))
        }
        return sealed
    }

    /// Opens one block: all of its plaintext, or nothing.
    /// - Parameter block: as it is stored.
    /// - Parameter index: its index in the body, from 0.
    /// - Parameter plan: the body's, by the envelope.
    /// - Throws: `FormatError.dataLoss` if the block does not belong there.
    public func openBlock(_ block: Data, index: Int, of plan: ChunkPlan) throws -> Data {
        guard plan.isSealed else {
            throw FormatError(.invalidArgument, "the chunks of a public envelope are plaintext")
        }
        try plan.check(block: index, count: block.count)
        let sealedChunk = ChunkPlan.chunkSize + Envelope.tagSize
        var content = Data(capacity: plan.contentSize(index))
        for chunk in 0..<plan.chunks(inBlock: index) {
            let number = index * ChunkPlan.chunksPerBlock + chunk
            let start = block.startIndex + chunk * sealedChunk
            let end = min(start + sealedChunk, block.endIndex)
            let nonce = try nonce(number, isFinal: number == plan.chunkCount - 1)
            guard
                let box = try? AES.GCM.SealedBox(
                    nonce: nonce, ciphertext: block[start..<(end - Envelope.tagSize)],
                    tag: block[(end - Envelope.tagSize)..<end]),
                let plaintext = try? AES.GCM.open(box, using: key)
            else {
                throw FormatError(
                    .dataLoss, "chunk \(number) of the body is damaged, or is not the one that belongs there")
            }
            content.append(plaintext)
        }
        return content
    }

    private static let nonceSize = 12

    private func nonce(_ index: Int, isFinal: Bool) throws -> AES.GCM.Nonce {
        try AES.GCM.Nonce(data: [0, 0, 0] + UInt64(index).bigEndianBytes + [isFinal ? 1 : 0])
    }
}
