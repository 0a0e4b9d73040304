/// DAG-CBOR (IPLD), strict in both directions: every value has one encoding, and others are refused.
///
/// Refused are integers, lengths and tags that are not in their shortest form, indefinite lengths, tags other than 42,
/// map keys that are not text, that repeat or are out of order, floats that are not finite or not of 64 bits,
/// `undefined` and other simple values, text that is not UTF-8, bytes after the value, nesting beyond `maximumDepth`.
public enum DAGCBOR {
    /// How deep lists and maps may nest: far deeper than any document, shallow enough for every thread's stack.
    public static let maximumDepth = 32

    /// The largest block that is read or written, the limit of IPFS nodes.
    public static let maximumSize = 1 << 20

    /// The bytes of a value.
    /// - Throws: `FormatError.invalidArgument` for a value that `decode` would not accept.
    public static func encode(_ value: Value) throws -> [UInt8] {
        var encoder = DAGCBOREncoder()
        try encoder.append(value, depth: 0)
        guard encoder.bytes.count <= maximumSize else {
            throw FormatError(.invalidArgument, "a DAG-CBOR block may have \(maximumSize) bytes at most")
        }
        return encoder.bytes
    }

    /// The bytes of a map whose values are encoded already.
    /// - Parameter entries: in the order of a map's keys.
    /// - Throws: `FormatError.invalidArgument` for another order, and for more than a block holds.
    static func encode(mapOfEncoded entries: [(key: String, value: [UInt8])]) throws -> [UInt8] {
        guard zip(entries, entries.dropFirst()).allSatisfy({ Map.precedes($0.key, $1.key) }) else {
            throw FormatError(.invalidArgument, "the keys of a DAG-CBOR map stand in canonical order, each once")
        }
        var encoder = DAGCBOREncoder(capacity: entries.reduce(16) { $0 + $1.key.utf8.count + $1.value.count + 16 })
        encoder.appendMap(ofEncoded: entries)
        guard encoder.bytes.count <= maximumSize else {
            throw FormatError(.invalidArgument, "a DAG-CBOR block may have \(maximumSize) bytes at most")
        }
        return encoder.bytes
    }

    /// The most values that a document of this project has, counting each list, each map and their elements: an
    /// envelope with 256 wraps and 4,096 links to its blocks has some 5,200. A value takes up to a hundred times more
    /// memory than its bytes, so a block of a million of them is refused before they are in memory.
    static let documentValues = 8192

    /// The value of exactly these bytes.
    /// - Parameter bytes: one value, and nothing after it.
    /// - Parameter mostValues: how many values there may be in it, itself included.
    /// - Throws: `FormatError` naming the rule that is broken.
    public static func decode(_ bytes: [UInt8], mostValues: Int = .max) throws -> Value {
        try decode(bytes.span, mostValues: mostValues)
    }

    /// The same of bytes that are lent. Byte strings and texts of the value are copies, which are not wiped.
    public static func decode(_ bytes: Span<UInt8>, mostValues: Int = .max) throws -> Value {
        var decoder = DAGCBORDecoder(mostValues: mostValues)
        return try whole(&decoder, bytes)
    }

    /// The same for a map, and the places of its entries' values, whose bytes are what `encode` makes of them.
    static func decodeMarking(
        _ bytes: [UInt8], mostValues: Int
    ) throws -> (value: Value, places: [String: Range<Int>]) {
        var decoder = DAGCBORDecoder(mostValues: mostValues, marks: true)
        return (try whole(&decoder, bytes.span), decoder.places)
    }

    /// Checks that these bytes are one value in its one encoding, without building it.
    /// - Throws: `FormatError` as `decode` does.
    public static func check(_ bytes: [UInt8]) throws {
        var decoder = DAGCBORDecoder(mostValues: .max, keeps: false)
        _ = try whole(&decoder, bytes.span)
    }

    private static func whole(_ decoder: inout DAGCBORDecoder, _ bytes: Span<UInt8>) throws -> Value {
        guard bytes.count <= maximumSize else {
            throw FormatError(
                .malformed, "a DAG-CBOR block may have \(maximumSize) bytes at most, not \(bytes.count)")
        }
        let value = try decoder.value(bytes, depth: 0)
        guard decoder.isAtEnd(of: bytes) else {
            throw FormatError(.notCanonical, "there are bytes after the DAG-CBOR value")
        }
        return value
    }
}
