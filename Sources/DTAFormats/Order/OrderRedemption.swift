/// Part 3: a redeemer asks for the secret, or for a use of it.
public struct OrderRedemption: Hashable, Sendable, PartPlaintext {
    public static let purposeLimit = 256
    /// A message that is to be signed.
    public static let messageLimit = 64 << 10

    public let heading: OrderHeading
    /// 16 random bytes, so that no two redemptions are the same.
    public let nonce: [UInt8]
    /// Its purpose, in a line for the approvers.
    public let purpose: String?
    /// The plugin's: of a `sign` order the `digest` or the `message`.
    public let request: OrderFields
    /// Those of part 1, so that approvers see the terms that they agree to.
    public let terms: OrderTerms

    public var use: Int { heading.use }

    /// Makes a redemption.
    /// - Parameter order: the CID of part 1.
    /// - Parameter terms: those of part 1.
    /// - Parameter use: from 1; the use after the last one that was released.
    /// - Parameter nonce: 16 random bytes.
    /// - Parameter purpose: a line for the approvers.
    /// - Parameter request: the plugin's: of a `sign` order the `digest` or the `message`.
    /// - Throws: `FormatError`.
    public init(
        order: CID, terms: OrderTerms, use: Int, nonce: [UInt8], purpose: String? = nil, request: OrderFields = .none
    ) throws {
        heading = OrderHeading(order: order, use: use, terms: terms)
        self.nonce = nonce
        self.purpose = purpose
        self.request = request
        self.terms = terms
        // Only values that can be read are made.
        _ = try OrderRedemption(try encoded())
    }

    /// Reads a plaintext.
    /// - Throws: `FormatError`.
    public init(_ plaintext: Span<UInt8>) throws {
        var reader: DocumentReader
        (heading, reader) = try OrderHeading.open(plaintext, .redemption, uses: OrderHeading.uses) { _ in 3 }
        nonce = try reader.bytes("nonce", count: 16)
        purpose = reader.optional("purpose") == nil ? nil : try reader.text("purpose")
        if let purpose {
            try DocumentRules.check(line: purpose, atMost: OrderRedemption.purposeLimit, "a redemption's purpose")
        }
        request = try OrderFields(reader.value("request"))
        terms = try OrderTerms(reader.value("terms"))
        try reader.finish()
        try heading.check(order: heading.order, terms: terms)
        guard heading.use <= terms.maxUses else {
            throw FormatError(.malformed, "use \(heading.use) of an order for \(terms.maxUses)")
        }
    }

    /// The plaintext: DAG-CBOR.
    public func encoded() throws -> [UInt8] {
        var map: DAGCBOR.Map = ["nonce": .bytes(nonce), "request": request.value, "terms": terms.value]
        map["purpose"] = purpose.map { .text($0) }
        return try heading.encode(.redemption, part: 3, map)
    }
}
