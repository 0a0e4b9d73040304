/// Part 1: what a principal asks a fiduciary to keep, and on what terms. It begins a thread, so it repeats nothing; its
/// envelope's CID is the order's name.
public struct Order: Hashable, Sendable, PartPlaintext {
    public static let type = OrderPartKind.order.type
    /// The largest plaintext.
    public static let sizeLimit = 64 << 10
    /// Bytes of `kind`.
    public static let kindLimit = 32

    /// The name of the plugin: 1 to 32 of the characters a to z, 0 to 9, `-` and `_`.
    public let kind: String
    public let terms: OrderTerms
    /// The plugin's fields.
    public let fields: OrderFields

    /// - Throws: `FormatError` for another name of a kind, and if the whole is larger than 64 KiB.
    public init(kind: String, terms: OrderTerms, fields: OrderFields = .none) throws {
        try DocumentRules.check(word: kind, atMost: Order.kindLimit, "an order's kind")
        self.kind = kind
        self.terms = terms
        self.fields = fields
        _ = try encoded()
    }

    /// Reads a plaintext.
    /// - Throws: `FormatError`.
    public init(_ plaintext: Span<UInt8>) throws {
        guard plaintext.count <= Order.sizeLimit else { throw Order.tooLarge(plaintext.count) }
        var reader = try DocumentReader(
            DAGCBOR.decode(plaintext, mostValues: DAGCBOR.documentValues), "an order")
        try reader.type(Order.type)
        kind = try reader.text("kind")
        try DocumentRules.check(word: kind, atMost: Order.kindLimit, "an order's kind")
        terms = try OrderTerms(&reader)
        fields = try OrderFields(reader.value("fields"))
        try reader.finish()
    }

    /// The plaintext: DAG-CBOR.
    public func encoded() throws -> [UInt8] {
        var map: DAGCBOR.Map = ["type": .text(Order.type), "kind": .text(kind), "fields": fields.value]
        terms.write(&map)
        let bytes = try DAGCBOR.encode(.map(map))
        guard bytes.count <= Order.sizeLimit else { throw Order.tooLarge(bytes.count) }
        return bytes
    }

    private static func tooLarge(_ count: Int) -> FormatError {
        FormatError(.malformed, "an order has \(sizeLimit) bytes at most, not \(count)")
    }
}
