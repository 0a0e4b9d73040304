import Crypto

/// An approver's decision about one redemption. It counts only inside a `SignedApproval`.
public struct OrderApproval: Hashable, Sendable {
    public static let type = OrderPartKind.approval.type

    public enum Decision: String, Sendable, CaseIterable {
        case approve
        case reject
    }

    /// Part 1.
    public let order: CID
    /// Part 3, the one that the decision is about.
    public let redemption: CID
    /// The use that it asks for.
    public let use: Int
    public let decision: Decision
    /// Unix seconds: the last moment at which it counts.
    public let expires: Int64
    /// The approver's identity.
    public let by: CID

    /// - Throws: `FormatError`.
    public init(order: CID, redemption: CID, use: Int, decision: Decision, expires: Int64, by: CID) throws {
        self.order = order
        self.redemption = redemption
        self.use = use
        self.decision = decision
        self.expires = expires
        self.by = by
        // Only values that can be read are made.
        _ = try OrderApproval(value)
    }

    init(_ value: DAGCBOR.Value) throws {
        var reader = try DocumentReader(value, "an approval")
        try reader.type(OrderApproval.type)
        order = try reader.link("order")
        redemption = try reader.link("redemption")
        use = Int(try reader.integer("use", in: OrderHeading.uses))
        guard let decision = Decision(rawValue: try reader.text("decision")) else {
            throw FormatError(.malformed, "an approval's decision is approve or reject")
        }
        self.decision = decision
        expires = try reader.time("expires")
        by = try reader.link("by")
        try reader.finish()
    }

    var value: DAGCBOR.Value {
        .map([
            "type": .text(OrderApproval.type), "order": .link(order), "redemption": .link(redemption),
            "use": .integer(Int64(use)), "decision": .text(decision.rawValue), "expires": .integer(expires),
            "by": .link(by),
        ])
    }

    /// SHA-256 of the approval's DAG-CBOR: what is signed, under `SignedBytes.approval`.
    public var hash: [UInt8] {
        get throws { Array(SHA256.hash(data: try DAGCBOR.encode(value))) }
    }
}
