/// Part 4: the secret, or the result of its use, sealed to the recipient alone.
public struct OrderRelease: Hashable, Sendable, PartPlaintext {
    public let heading: OrderHeading
    /// Part 3.
    public let redemption: CID
    /// Unix seconds by the fiduciary's clock: when the redemption came.
    public let received: Int64
    /// Unix seconds: when this was made.
    public let released: Int64
    /// The approvals that counted.
    public let approvals: [SignedApproval]
    /// The plugin's: `secret`, `share` or `signature` for those built in.
    public private(set) var result: OrderFields

    public var use: Int { heading.use }

    /// - Throws: `FormatError`.
    public init(
        order: CID, terms: OrderTerms, use: Int, redemption: CID, received: Int64, released: Int64,
        approvals: [SignedApproval], result: OrderFields
    ) throws {
        heading = OrderHeading(order: order, use: use, terms: terms)
        self.redemption = redemption
        self.received = received
        self.released = released
        self.approvals = approvals
        self.result = result
        // Only values that can be read are made.
        _ = try OrderRelease(try encoded())
    }

    /// Reads a plaintext, without verifying the approvals' signatures.
    /// - Throws: `FormatError`.
    public init(_ plaintext: Span<UInt8>) throws {
        var reader: DocumentReader
        (heading, reader) = try OrderHeading.open(plaintext, .release, uses: OrderHeading.uses) { _ in 4 }
        redemption = try reader.link("redemption")
        received = try reader.time("received")
        released = try reader.time("released")
        let items = try reader.list("approvals")
        guard items.count <= OrderTerms.partyLimit else {
            throw FormatError(.malformed, "a release has \(OrderTerms.partyLimit) approvals at most")
        }
        approvals = try items.map { item in
            guard case .bytes(let block) = item else {
                throw FormatError(.malformed, "an approval in a release is the bytes of a signed approval")
            }
            return try SignedApproval(block)
        }
        result = try OrderFields(reader.value("result"))
        try reader.finish()
    }

    /// Overwrites the result, for a caller that only needs to know that something was released.
    public mutating func wipeResult() { result.wipe() }

    /// The plaintext: DAG-CBOR.
    public func encoded() throws -> [UInt8] {
        try heading.encode(
            .release, part: 4,
            [
                "redemption": .link(redemption), "received": .integer(received), "released": .integer(released),
                "approvals": .list(approvals.map { .bytes($0.block) }), "result": result.value,
            ])
    }
}
