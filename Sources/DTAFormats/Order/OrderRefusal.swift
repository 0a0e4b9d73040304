/// The fiduciary's no, signed, in place of the answer: of part 2 if it refuses the order (use 0), of part 4 if it
/// refuses a redemption.
public struct OrderRefusal: Hashable, Sendable, PartPlaintext {
    public static let codeLimit = 64
    public static let reasonLimit = 512

    public let heading: OrderHeading
    /// The part that is refused.
    public let refused: CID
    /// Why, for programs: 1 to 64 of the characters a to z, 0 to 9, `-` and `_`.
    public let code: String
    /// Why, for people: one line.
    public let reason: String
    /// The redemption that came first, if that is the reason.
    public let winner: CID?

    public var use: Int { heading.use }

    /// Makes a refusal.
    /// - Parameter order: the CID of part 1.
    /// - Parameter terms: those of part 1.
    /// - Parameter use: that of the redemption that is refused; 0 if the order is.
    /// - Parameter refused: the part that is refused.
    /// - Parameter code: why, for programs.
    /// - Parameter reason: why, for people: one line.
    /// - Parameter winner: the redemption that came first, if that is why.
    /// - Throws: `FormatError`.
    public init(
        order: CID, terms: OrderTerms, use: Int, refused: CID, code: String, reason: String, winner: CID? = nil
    ) throws {
        heading = OrderHeading(order: order, use: use, terms: terms)
        self.refused = refused
        self.code = code
        self.reason = reason
        self.winner = winner
        // Only values that can be read are made.
        _ = try OrderRefusal(try encoded())
    }

    /// Reads a plaintext.
    /// - Throws: `FormatError`.
    public init(_ plaintext: Span<UInt8>) throws {
        var reader: DocumentReader
        (heading, reader) = try OrderHeading.open(
            plaintext, .refusal, uses: 0...Int64(OrderTerms.usesLimit), part: OrderRefusal.part)
        refused = try reader.link("refused")
        code = try reader.text("code")
        try DocumentRules.check(word: code, atMost: OrderRefusal.codeLimit, "a refusal's code")
        reason = try reader.text("reason")
        try DocumentRules.check(line: reason, atMost: OrderRefusal.reasonLimit, "a refusal's reason")
        winner = try reader.optionalLink("winner")
        try reader.finish()
    }

    private static func part(_ use: Int64) -> Int64 { use == 0 ? 2 : 4 }

    /// The plaintext: DAG-CBOR.
    public func encoded() throws -> [UInt8] {
        var map: DAGCBOR.Map = ["refused": .link(refused), "code": .text(code), "reason": .text(reason)]
        map["winner"] = winner.map { .link($0) }
        return try heading.encode(.refusal, part: Int(OrderRefusal.part(Int64(use))), map)
    }
}

extension OrderRefusal {
    /// The codes that D-TA itself gives, also when a part is not accepted.
    public enum Code: String, Sendable, CaseIterable {
        /// The order is not in a state for it.
        case outOfOrder = "out-of-order"
        /// It does not follow what it would have to follow.
        case fork
        /// Another redemption was there first.
        case taken
        /// All uses were released.
        case exhausted
        case frozen, destroyed, refused
        /// The sender has no part in the order, or not this one.
        case stranger
        /// What it says contradicts the terms or its own header.
        case mismatch
        /// The redeemer, or the recipient, was replaced or revoked before it was answered.
        case replaced
        /// The approvers that may still say yes are too few.
        case rejected
        /// Outside of the time that the terms allow.
        case time
        /// This fiduciary does not accept such orders.
        case policy
        /// The plugin refuses it.
        case plugin
        /// A person at the fiduciary decided so.
        case decision
    }
}
