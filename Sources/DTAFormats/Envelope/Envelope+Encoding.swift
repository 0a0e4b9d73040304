/// Envelopes on their way from who seals them to who signs them.
extension Envelope {
    /// Its DAG-CBOR, without any signature.
    public var encoded: [UInt8] {
        get throws { try DAGCBOR.encode(value) }
    }

    /// Reads an envelope that nobody has signed yet.
    /// - Throws: `FormatError`.
    public init(encoded: [UInt8]) throws {
        try self.init(DAGCBOR.decode(encoded, mostValues: DAGCBOR.documentValues))
    }
}
