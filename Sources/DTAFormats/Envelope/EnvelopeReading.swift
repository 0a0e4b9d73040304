/// From bytes to an envelope: every field, and no other. Blocks beside it are read when they are asked for
/// (`recipients`, `wrap(for:)`, `Chunks.links`).
extension Envelope {
    init(_ value: DAGCBOR.Value) throws {
        var reader = try DocumentReader(value, "an envelope")
        try reader.type(Envelope.type)
        let header = Header(
            from: try reader.link("from"), created: try reader.time("created"),
            previous: try reader.optionalLink("previous"), thread: try reader.bytes("thread", count: 16),
            content: try reader.text("content"))
        try DocumentRules.check(mediaType: header.content)
        let sealing = try Envelope.sealing(&reader)
        let content = try Envelope.content(&reader, isSealed: sealing != nil)
        try reader.finish()
        self.init(header: header, sealing: sealing, content: content)
    }

    /// `body` or `chunks`: one of them.
    private static func content(_ reader: inout DocumentReader, isSealed: Bool) throws -> Content {
        if let chunks = reader.optional("chunks") {
            guard reader.optional("body") == nil else {
                throw FormatError(.malformed, "an envelope has a body or chunks, not both")
            }
            return .chunks(try Chunks(chunks, isSealed: isSealed))
        }
        let body = try reader.bytes("body", atMost: bodyLimit + (isSealed ? tagSize : 0))
        guard !isSealed || body.count >= tagSize else {
            throw FormatError(.malformed, "the body of a sealed envelope has \(tagSize) bytes at least")
        }
        return .body(body)
    }

    /// `to`, `salt`, `wraps` and `commit`: all of them, or none in a public envelope.
    private static func sealing(_ reader: inout DocumentReader) throws -> Sealing? {
        let fields = ["to", "salt", "wraps", "commit"].map { ($0, reader.optional($0)) }
        guard let missing = fields.first(where: { $0.1 == nil }) else {
            return Sealing(
                recipients: try Recipients(to: reader.list("to"), wraps: reader.list("wraps")),
                salt: try reader.bytes("salt", count: 32), commit: try reader.bytes("commit", count: 32))
        }
        guard fields.allSatisfy({ $0.1 == nil }) else {
            throw FormatError(
                .malformed,
                "a sealed envelope has to, salt, wraps and commit, a public one none: here \(missing.0) is missing")
        }
        return nil
    }
}
