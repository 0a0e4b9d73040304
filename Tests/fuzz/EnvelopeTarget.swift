import DTAFormats

enum EnvelopeTarget: FuzzTarget {
    static func run(_ bytes: [UInt8]) {
        guard let signed = try? SignedEnvelope(block: bytes) else { return }
        claim(signed.cid.names(bytes) && signed.block == bytes, "an envelope is named by its hash")
        let envelope = signed.envelope
        // A block that is at hand for every list: the envelope's own, which is none.
        let anything: (CID) throws -> [UInt8] = { _ in bytes }
        if let recipients = try? envelope.recipients(anything) {
            claim((try? envelope.wraps(anything))?.count ?? recipients.count == recipients.count, "a wrap for each")
            for recipient in recipients { _ = try? envelope.wrap(for: recipient, anything) }
        }
        if let chunks = envelope.chunks, let links = try? chunks.links(anything) {
            claim(links.count == chunks.plan.blockCount, "as many blocks as the size calls for")
        }
        claim(envelope.contentSize >= 0, "a body has a size")
        claim((try? envelope.coreHash)?.count == 32, "an envelope has a core")
    }
}
