import DTACore
import DTAFormats
import DTAIdentities
import DTALedger
import DTASystem
import Foundation

/// An envelope with a body that is still coming: it is wrapped already, and its blocks go into a partial segment. It is
/// in memory only, holds no secret, and is used once: after a failure or a restart its sender begins again, with a new
/// key.
final class Draft: Sendable {
    let id: String
    let owner: Owner
    let from: IdentityRecord
    let sender: SignedIdentity
    let envelope: EnvelopeDraft
    /// The identities for which it is wrapped.
    let recipients: [CID]
    let segment: PartialSegment
    private let state: Locked<State>
    /// Called when no thread holds the draft any more.
    private let ended: @Sendable () -> Void

    private struct State: Sendable {
        /// The blocks that are written, by index.
        var blocks: [Int: Written] = [:]
        /// Those that are being written.
        var busy: Set<Int> = []
        /// Bytes in the segment, plus the charge of each block beside its content.
        var size = 0
        /// The one block that is not full: the last.
        var short: Int?
        /// It takes no more blocks.
        var closed = false
        var lastUse = monotonicNanoseconds()
    }

    private struct Written: Sendable {
        let cid: CID
        let size: Int
    }

    init(
        owner: Owner, from: IdentityRecord, begun: EnvelopeService.Begun, segment: PartialSegment,
        ended: @escaping @Sendable () -> Void = {}
    ) {
        id = segment.id
        self.owner = owner
        self.from = from
        sender = begun.sender
        envelope = begun.draft
        recipients = begun.recipients
        self.segment = segment
        state = Locked(State())
        self.ended = ended
    }

    deinit { ended() }

    private var fullBlock: Int { ChunkPlan.fullBlock(isSealed: !envelope.isPublic) }

    /// Bytes on the disk or on their way there, as they are charged.
    var size: Int { state.withLock { $0.size } }

    func isIdle(since moment: UInt64) -> Bool { state.withLock { $0.busy.isEmpty && $0.lastUse < moment } }

    /// Writes one block at its place. From any thread.
    /// - Throws: `DTAError`: `invalidArgument` for an index or a length that no body has, `failedPrecondition` if the
    ///   draft has such a block already: a body is never sealed twice under one key; or if the disk fails.
    func write(_ block: Data, index: Int) throws {
        try take(index, block.count)
        let offset = index * fullBlock
        do {
            try segment.write(block, at: offset)
        } catch {
            state.withLock {
                $0.busy.remove(index)
                $0.closed = true
            }
            throw error
        }
        let cid = CID(hashing: block, codec: .raw)
        state.withLock {
            $0.busy.remove(index)
            $0.blocks[index] = Written(cid: cid, size: block.count)
            $0.lastUse = monotonicNanoseconds()
        }
    }

    private func take(_ index: Int, _ count: Int) throws {
        // The final check of index and length is in `close`, when the size of the body is known.
        guard count <= fullBlock, index < ChunkPlan.maximumSize / ChunkPlan.blockContent else {
            throw DTAError(
                .invalidArgument, "block \(index) of \(count) bytes: blocks of a body have \(fullBlock) bytes at most")
        }
        try state.withLock { state in
            guard !state.closed else { throw Draft.over }
            guard state.blocks[index] == nil, state.busy.insert(index).inserted else {
                throw DTAError(
                    .failedPrecondition, "block \(index) of this draft was sent before",
                    hint: "abandon the draft and begin another: a body is never sealed twice under one key")
            }
            // Small blocks would cost memory and room on the disk that are not charged.
            if count < fullBlock {
                guard state.short == nil else {
                    state.busy.remove(index)
                    throw DTAError(
                        .invalidArgument,
                        "block \(index) is not full: all blocks of a body have \(fullBlock) bytes but "
                            + "the last, which was sent before")
                }
                state.short = index
            }
            state.size += count + BlockStore.rowCharge
            state.lastUse = monotonicNanoseconds()
        }
    }

    /// Takes no more blocks. Of concurrent calls only the first succeeds.
    /// - Parameter count: how many blocks the body has.
    /// - Returns: the plan of the body, and its blocks in order.
    /// - Throws: `DTAError.invalidArgument` if these are not the blocks of a body.
    func close(count: Int) throws -> (plan: ChunkPlan, blocks: [BlockStore.SegmentBlock]) {
        let written = try state.withLock { state in
            guard !state.closed else { throw Draft.over }
            state.closed = true
            guard state.busy.isEmpty else {
                throw DTAError(
                    .failedPrecondition, "blocks of this draft are still being written",
                    hint: "wait for their answers before you finish it")
            }
            return state.blocks
        }
        guard count > 0, written.count == count, let last = written[count - 1] else {
            throw DTAError(
                .invalidArgument, "the body has \(written.count) blocks here, and not those from 0 to \(count - 1)")
        }
        let plan = try explaining("the blocks of the body make no body") {
            try ChunkPlan(blocks: count, lastBlock: last.size, isSealed: !envelope.isPublic)
        }
        let blocks = try (0..<count).map { index in
            guard let block = written[index], block.size == plan.blockSize(index) else {
                throw DTAError(
                    .invalidArgument,
                    "block \(index) of the body is missing or not full: all have \(fullBlock) bytes but the last")
            }
            return BlockStore.SegmentBlock(
                cid: block.cid, size: block.size,
                place: SegmentPlace(segment: segment.id, offset: index * fullBlock))
        }
        return (plan, blocks)
    }

    /// Removes its file; writes that are under way fail or are lost.
    func discard() {
        state.withLock { $0.closed = true }
        segment.discard()
    }

    private static let over = DTAError(
        .failedPrecondition, "this draft takes no more: it was finished or abandoned, or its disk failed",
        hint: "begin another")
}
