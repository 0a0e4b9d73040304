/// Envelopes between the process that seals them and the one that signs them.
extension Envelope {
    /// Its DAG-CBOR, without any signature.
    public var encoded: [UInt8] {
        get throws { try DAGCBOR.encode(value) }
    }

    /// Reads an envelope that is not signed yet.
    /// - Throws: `FormatError`.
    public init(encoded: [UInt8]) throws {
        try self.init(DAGCBOR.decode(encoded, mostValues: DAGCBOR.documentValues))
    }
}
