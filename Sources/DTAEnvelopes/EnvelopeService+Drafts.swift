import CustodyProtocol
import DTABytes
import DTACore
import DTAFormats
import DTALedger
import DTASystem
import Foundation

/// Envelopes whose body the client seals in chunks: begun here with a new key, filled block by block, finished with a
/// signature.
extension EnvelopeService {
    /// Begins one. It reads from the disk, and wraps the key for the recipients.
    /// - Returns: the draft's name, and the key of its chunks; nil if it is public.
    package func draft(_ caller: Caller, _ address: Address) throws -> (id: String, key: SecretReference?) {
        let from = try authorized(caller, address)
        let owner = try Owner(of: caller)
        try drafts.checkRoom(for: owner)
        let begun = try begin(address, from)
        let segment = try blocks.segments.begin()
        let draft = Draft(owner: owner, from: from, begun: begun, segment: segment) { [weak drafts] in
            drafts?.remove(segment.id)
        }
        CrashPoint.reach(.envelopeDraftBegun)
        try drafts.add(draft)
        return (draft.id, begun.keys.map { SecretReference($0.chunkKey) })
    }

    /// Writes one block of a draft. It is durable only when the draft is finished.
    package func write(_ caller: Caller, draft id: String, index: UInt32, block: Data) throws {
        let draft = try drafts.find(id, caller)
        try blocks.checkRoom(
            for: block.count + BlockStore.rowCharge, staged: drafts.staged(draft.owner), owner: draft.owner)
        do {
            try draft.write(block, index: Int(index))
        } catch let error as DTAError where error.code == .resourceExhausted || error.code == .unavailable {
            // The disk is full or fails: the written blocks are useless, and take room.
            drop(draft)
            throw error
        }
        CrashPoint.reach(.envelopeChunkWritten)
    }

    /// Ends a draft: makes its blocks durable; the step signs the envelope and stores it all in one transaction. The
    /// draft is used up in any case: unless it is stored, its file goes with the last reference to the draft.
    package func finish(_ caller: Caller, draft id: String, count: UInt32) throws -> CustodyStep<CID> {
        let draft = try drafts.takeToFinish(id, caller)
        let (plan, bodyBlocks) = try draft.close(count: Int(count))
        // A body can take long: meanwhile the grant may have been withdrawn, and the sender or recipients replaced or
        // distrusted.
        _ = try identities.sender(caller, draft.from.cid.description)
        _ = try identities.recipients(draft.recipients.map(\.description))
        let parts = try explaining("the envelope cannot be finished") {
            try draft.envelope.finish(plan, blocks: bodyBlocks.map(\.cid))
        }
        try draft.segment.finish()
        CrashPoint.reach(.envelopeFinishSynced)
        return { [self] custodian in
            defer { drafts.remove(id) }
            return try store(draft, parts, bodyBlocks, custodian)
        }
    }

    private func store(
        _ draft: Draft, _ parts: EnvelopeParts, _ bodyBlocks: [BlockStore.SegmentBlock], _ custodian: any Custodian
    ) throws -> CID {
        let signed = try sign(parts.envelope, draft.from, draft.sender, custodian)
        CrashPoint.reach(.envelopeFinishSigned)
        let left = try blocks.store.write { database in
            let left = try blocks.insert(bodyBlocks, partOf: signed.cid, owner: draft.owner, in: database)
            for page in parts.blocks {
                try blocks.insert(page.bytes, page.cid, .block, partOf: signed.cid, owner: draft.owner, in: database)
            }
            let standing = try identities.standing(draft.from.cid, in: database)?.name
            try blocks.insert(signed, standing: standing, owner: draft.owner, in: database)
            return left
        }
        draft.segment.keep()
        CrashPoint.reach(.envelopeFinishStored)
        // The envelope is stored: room that cannot be freed now is freed at the next start.
        try? blocks.free(left)
        return signed.cid
    }

    package func abandon(_ caller: Caller, draft id: String) throws { try drafts.take(id, caller).discard() }

    /// Drops drafts that were not used for an hour; must be called from time to time.
    package func dropIdleDrafts() {
        for draft in drafts.takeIdle() { draft.discard() }
    }

    private func drop(_ draft: Draft) {
        drafts.remove(draft.id)
        draft.discard()
    }
}
