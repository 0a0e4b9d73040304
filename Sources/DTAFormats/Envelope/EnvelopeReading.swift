/// From bytes to an envelope: every field, and no other.
extension Envelope {
    init(_ value: DAGCBOR.Value) throws {
        var reader = try DocumentReader(value, "an envelope")
        try reader.type(Envelope.type)
        let header = Header(
            from: try reader.link("from"), created: try reader.time("created"),
            previous: try reader.optionalLink("previous"), thread: try reader.bytes("thread", count: 16),
            content: try reader.text("content"))
        try DocumentRules.check(mediaType: header.content)
        guard reader.optional("chunks") == nil else {
            throw FormatError(
                .unsupported,
                "the envelope keeps its body in chunks outside of itself, which is not supported here yet: "
                    + "bodies have \(Envelope.bodyLimit) bytes at most")
        }
        let sealing = try Envelope.sealing(&reader)
        let body = try reader.bytes("body", atMost: Envelope.bodyLimit + (sealing == nil ? 0 : Envelope.tagSize))
        guard sealing == nil || body.count >= Envelope.tagSize else {
            throw FormatError(.malformed, "the body of a sealed envelope has \(Envelope.tagSize) bytes at least")
        }
        try reader.finish()
        self.init(header: header, sealing: sealing, body: body)
    }

    /// `to`, `salt`, `wraps` and `commit`: all of them, or none in a public envelope.
    private static func sealing(_ reader: inout DocumentReader) throws -> Sealing? {
        let fields = ["to", "salt", "wraps", "commit"].map { ($0, reader.optional($0)) }
        guard let missing = fields.first(where: { $0.1 == nil }) else {
            let to = try recipients(reader.list("to"))
            return Sealing(
                to: to, salt: try reader.bytes("salt", count: 32), wraps: try wraps(reader.list("wraps"), for: to),
                commit: try reader.bytes("commit", count: 32))
        }
        guard fields.allSatisfy({ $0.1 == nil }) else {
            throw FormatError(
                .malformed,
                "a sealed envelope has to, salt, wraps and commit, a public one none: here \(missing.0) is missing")
        }
        return nil
    }

    private static func recipients(_ values: [DAGCBOR.Value]) throws -> [CID] {
        guard !values.isEmpty else { throw FormatError(.malformed, "a sealed envelope has one recipient at least") }
        guard values.count <= recipientLimit else { throw tooManyRecipients }
        let to = try values.map { value in
            guard case .link(let link) = value, link.codec == .dagCBOR else {
                throw FormatError(.malformed, "an envelope's recipients are links to identities")
            }
            return link
        }
        guard zip(to, to.dropFirst()).allSatisfy({ $0 < $1 }) else {
            throw FormatError(.notCanonical, "an envelope's recipients stand in the order of their bytes, each once")
        }
        return to
    }

    private static func wraps(_ values: [DAGCBOR.Value], for to: [CID]) throws -> [Wrap] {
        // Above the limit, both lists hold links to blocks of 256 entries.
        if case .link = values.first { throw tooManyRecipients }
        guard values.count == to.count else {
            throw FormatError(.malformed, "an envelope has one wrap for each recipient")
        }
        return try values.map { value in
            var reader = try DocumentReader(value, "a wrap of an envelope")
            let wrap = Wrap(
                enc: try reader.bytes("enc", count: Wrap.encSize), key: try reader.bytes("key", count: Wrap.keySize))
            try reader.finish()
            return wrap
        }
    }

    static let tooManyRecipients = FormatError(
        .unsupported, "envelopes with more than \(recipientLimit) recipients are not supported here yet")
}
