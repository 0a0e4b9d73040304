import DTAFormats

/// A block of an archive, as it is put into a ledger.
public protocol ArchiveEntry {
    var cid: CID { get }
    /// Bytes.
    var size: Int { get }
    var kind: DocumentKind { get }
}

/// The order in which an archive goes into a ledger: a ledger judges a sender when an envelope comes, so identities and
/// revocations come first. An envelope comes after the one that it answers and after its own blocks.
public enum ImportOrder {
    /// - Parameter bytes: the block of an entry; only envelopes are asked for.
    public static func of<Entry: ArchiveEntry>(_ entries: [Entry], bytes: (Entry) throws -> [UInt8]) throws -> [Entry] {
        func all(_ kind: DocumentKind) -> [Entry] { entries.filter { $0.kind == kind } }
        return try all(.identity) + all(.revocation) + all(.block) + envelopes(all(.envelope), bytes)
    }

    /// Oldest first, along each chain.
    private static func envelopes<Entry: ArchiveEntry>(
        _ entries: [Entry], _ bytes: (Entry) throws -> [UInt8]
    ) throws -> [Entry] {
        var waiting: [CID: Entry] = [:]
        for entry in entries { waiting[entry.cid] = entry }
        var ordered: [Entry] = []
        for entry in entries {
            var chain: [Entry] = []
            var next = waiting.removeValue(forKey: entry.cid)
            while let current = next {
                chain.append(current)
                // A block that only claims to be an envelope is stored as a block.
                let signed = try? SignedEnvelope(block: bytes(current))
                next = signed?.envelope.header.previous.flatMap { waiting.removeValue(forKey: $0) }
            }
            ordered += chain.reversed()
        }
        return ordered
    }
}
