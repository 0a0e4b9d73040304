import DTAFormats

/// An archive, and the verification of all that is in it.
enum CARTarget: FuzzTarget {
    static func run(_ bytes: [UInt8]) {
        // In pieces, whose size the input chooses.
        let size = Int(bytes.first ?? 0) + 1
        var position = 0
        func next() -> [UInt8] {
            let end = min(position + size, bytes.count)
            defer { position = end }
            return Array(bytes[position..<end])
        }
        guard var reader = try? CARReader(next) else { return }
        var again: [UInt8] = []
        guard var writer = try? CARWriter(roots: reader.roots, sink: { again += $0 }) else {
            return claim(false, "roots that are read can be written")
        }
        var blocks: [CID: [UInt8]] = [:]
        var documents = CollectedDocuments()
        do {
            while let block = try reader.next() {
                blocks[block.cid] = block.bytes
                documents.add(block)
                try writer.append(block)
            }
            claim(again == bytes, "an archive has one form")
        } catch {
            // What was read before the damage counts.
        }
        verify(documents, blocks, reader.roots)
    }

    private static func verify(_ documents: CollectedDocuments, _ blocks: [CID: [UInt8]], _ roots: [CID]) {
        var verifier = EnvelopeVerifier(blocks, known: documents.known)
        for cid in documents.envelopes {
            let finding = try? verifier.verify(cid)
            claim(finding != nil, "verifying fails for no bytes")
            claim(finding?.signed != nil, "what was collected can be read")
        }
        var walk = try? HistoryWalk(from: roots, limits: .init(blocks: 1000, depth: 1000))
        var visited: Set<CID> = []
        try? walk?.run(blocks) {
            claim(visited.insert($0.cid).inserted, "a walk comes to each block once")
        } missing: {
            claim(blocks[$0] == nil, "what is there is not missing")
        }
    }
}
