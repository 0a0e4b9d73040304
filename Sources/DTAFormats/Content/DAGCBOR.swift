/// DAG-CBOR (IPLD), strict in both directions: every value has one encoding, and what is not that encoding is refused.
///
/// Refused are integers, lengths and tags that are longer than need be, indefinite lengths, tags other than 42, map
/// keys that are not text, that repeat or are out of order, floats that are not finite or not of 64 bits, `undefined`
/// and other simple values, text that is not UTF-8, bytes after the value, nesting beyond `maximumDepth`.
public enum DAGCBOR {
    /// How deep lists and maps may nest: far deeper than any document, shallow enough for every thread's stack.
    public static let maximumDepth = 32

    /// The largest block that is read or written: what IPFS nodes pass on between each other.
    public static let maximumSize = 1 << 20

    /// The bytes of a value.
    /// - Throws: `FormatError.invalidArgument` for what `decode` would not accept.
    public static func encode(_ value: Value) throws -> [UInt8] {
        var encoder = DAGCBOREncoder()
        try encoder.append(value, depth: 0)
        guard encoder.bytes.count <= maximumSize else {
            throw FormatError(.invalidArgument, "a DAG-CBOR block may have \(maximumSize) bytes at most")
        }
        return encoder.bytes
    }

    /// The value of exactly these bytes.
    /// - Throws: `FormatError` naming the rule that is broken.
    public static func decode(_ bytes: [UInt8]) throws -> Value {
        guard bytes.count <= maximumSize else {
            throw FormatError(.malformed, "a DAG-CBOR block may have \(maximumSize) bytes at most, not \(bytes.count)")
        }
        var decoder = DAGCBORDecoder(bytes)
        let value = try decoder.value(depth: 0)
        guard decoder.isAtEnd else { throw FormatError(.notCanonical, "there are bytes after the DAG-CBOR value") }
        return value
    }
}
