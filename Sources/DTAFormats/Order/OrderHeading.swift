/// The fields of its order that every part but the first repeats. Receivers compare them with part 1, so that no part
/// can be taken for one of another order.
public struct OrderHeading: Hashable, Sendable {
    /// The largest plaintext of a part: a message of 64 KiB to be signed, or a release with 16 approvals that have
    /// post-quantum signatures, and the map around it.
    public static let sizeLimit = 160 << 10

    /// Part 1.
    public let order: CID
    /// The use that the part is about, from 1; 0 if it is about none.
    public let use: Int
    public let fiduciary: CID
    public let principal: CID
    public let beneficiary: CID?

    public init(order: CID, use: Int, terms: OrderTerms) {
        self.order = order
        self.use = use
        fiduciary = terms.fiduciary
        principal = terms.principal
        beneficiary = terms.beneficiary
    }

    /// Whether this is the heading of a part of that order.
    /// - Throws: `FormatError.mismatch` that names the field.
    public func check(order: CID, terms: OrderTerms) throws {
        func same<Value: Equatable>(_ name: String, _ one: Value, _ other: Value) throws {
            guard one == other else {
                throw FormatError(.mismatch, "the part names another \(name) than its order does")
            }
        }
        try same("order", self.order, order)
        try same("fiduciary", fiduciary, terms.fiduciary)
        try same("principal", principal, terms.principal)
        try same("beneficiary", beneficiary, terms.beneficiary)
    }

    /// Reads a plaintext up to the part's own fields.
    /// - Parameter uses: what `use` may be.
    /// - Parameter part: what `part` must be, for that use.
    static func open(
        _ plaintext: Span<UInt8>, _ kind: OrderPartKind, uses: ClosedRange<Int64>, part: (_ use: Int64) -> Int64
    ) throws -> (OrderHeading, DocumentReader) {
        let document = kind.withArticle
        guard plaintext.count <= sizeLimit else {
            throw FormatError(.malformed, "\(document) has \(sizeLimit) bytes at most, not \(plaintext.count)")
        }
        var reader = try DocumentReader(
            DAGCBOR.decode(plaintext, mostValues: DAGCBOR.documentValues), document)
        try reader.type(kind.type)
        let use = try reader.integer("use", in: uses)
        let number = part(use)
        _ = try reader.integer("part", in: number...number)
        let heading = OrderHeading(
            order: try reader.link("order"), use: Int(use), fiduciary: try reader.link("fiduciary"),
            principal: try reader.link("principal"), beneficiary: try reader.optionalLink("beneficiary"))
        return (heading, reader)
    }

    private init(order: CID, use: Int, fiduciary: CID, principal: CID, beneficiary: CID?) {
        self.order = order
        self.use = use
        self.fiduciary = fiduciary
        self.principal = principal
        self.beneficiary = beneficiary
    }

    /// The plaintext of a part: the heading, and the part's own fields.
    func encode(_ kind: OrderPartKind, part: Int, _ own: DAGCBOR.Map) throws -> [UInt8] {
        var map: DAGCBOR.Map = [
            "type": .text(kind.type), "order": .link(order), "part": .integer(Int64(part)), "use": .integer(Int64(use)),
            "fiduciary": .link(fiduciary), "principal": .link(principal),
        ]
        map["beneficiary"] = beneficiary.map { .link($0) }
        for entry in own.entries { map[entry.key] = entry.value }
        let bytes = try DAGCBOR.encode(.map(map))
        guard bytes.count <= OrderHeading.sizeLimit else {
            throw FormatError(
                .malformed, "a part of an order has \(OrderHeading.sizeLimit) bytes at most, not \(bytes.count)")
        }
        return bytes
    }

    static let uses = 1...Int64(OrderTerms.usesLimit)
}
