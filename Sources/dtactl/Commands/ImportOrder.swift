import DTAFormats

/// The order in which an archive goes into a ledger: a ledger judges a sender when an envelope comes, so whatever may
/// tell of the sender comes first; and an envelope comes after what it answers and what belongs to it.
enum ImportOrder {
    static func of(_ archive: BlockFile) throws -> [BlockFile.Entry] {
        func all(_ kind: DocumentKind) -> [BlockFile.Entry] { archive.entries.filter { $0.kind == kind } }
        return try all(.identity) + all(.revocation) + all(.block) + envelopes(all(.envelope), archive)
    }

    /// Oldest first, along each chain.
    private static func envelopes(
        _ entries: [BlockFile.Entry], _ archive: BlockFile
    ) throws -> [BlockFile.Entry] {
        var waiting: [CID: BlockFile.Entry] = [:]
        for entry in entries { waiting[entry.cid] = entry }
        var ordered: [BlockFile.Entry] = []
        for entry in entries {
            var chain: [BlockFile.Entry] = []
            var next = waiting.removeValue(forKey: entry.cid)
            while let current = next {
                chain.append(current)
                // One that claims to be an envelope and is none goes in as the mere block that it is.
                let signed = try? SignedEnvelope(block: archive.bytes(current))
                next = signed?.envelope.header.previous.flatMap { waiting.removeValue(forKey: $0) }
            }
            ordered += chain.reversed()
        }
        return ordered
    }
}
