/// The principal's terms: who may redeem, who gets the result, who must agree, when, and how often. They name
/// identities of the time at which the order was made; the newest of each line acts for it.
public struct OrderTerms: Hashable, Sendable {
    /// The most redeemers and the most approvers.
    public static let partyLimit = 16
    public static let usesLimit = 1_000_000

    /// The identity that keeps the secret.
    public let fiduciary: CID
    /// The identity that ordered it.
    public let principal: CID
    public let beneficiary: CID?
    /// The identities that may ask for its release or use: 1 to 16, in the order of their bytes, each once.
    public let redeemers: [CID]
    /// The only identity to which the result is sealed.
    public let recipient: CID
    /// The identities that may agree to a redemption: up to 16, in the order of their bytes, each once.
    public let approvers: [CID]
    /// How many of them must; 0 if there are none.
    public let approvals: Int
    /// Whether the redeemer's own approval counts, if it is an approver. False if there are no approvers.
    public let requesterMayApprove: Bool
    /// Unix seconds; nothing is released before.
    public let notBefore: Int64?
    /// Unix seconds; nothing is released after.
    public let notAfter: Int64?
    /// How often it may be used: 1 to 1,000,000.
    public let maxUses: Int

    /// Lists may come in any order, and name an identity twice.
    /// - Throws: `FormatError.invalidArgument` for terms that are out of bounds or cannot be met.
    public init(
        fiduciary: CID, principal: CID, beneficiary: CID? = nil, redeemers: [CID], recipient: CID,
        approvers: [CID] = [],
        approvals: Int = 0, requesterMayApprove: Bool = false, notBefore: Int64? = nil, notAfter: Int64? = nil,
        maxUses: Int = 1
    ) throws {
        self.fiduciary = fiduciary
        self.principal = principal
        self.beneficiary = beneficiary
        self.redeemers = Set(redeemers).sorted()
        self.recipient = recipient
        self.approvers = Set(approvers).sorted()
        self.approvals = approvals
        self.requesterMayApprove = requesterMayApprove
        self.notBefore = notBefore
        self.notAfter = notAfter
        self.maxUses = maxUses
        try check()
    }

    private func check() throws {
        func require(_ condition: Bool, _ sentence: @autoclosure () -> String) throws {
            if !condition { throw FormatError(.invalidArgument, sentence()) }
        }
        let everybody = [fiduciary, principal, recipient] + redeemers + approvers + [beneficiary].compactMap { $0 }
        try require(everybody.allSatisfy { $0.codec == .dagCBOR }, "terms name identities by the CIDs of documents")
        try require(
            (1...OrderTerms.partyLimit).contains(redeemers.count),
            "an order has 1 to \(OrderTerms.partyLimit) redeemers, not \(redeemers.count)")
        try require(
            approvers.count <= OrderTerms.partyLimit,
            "an order has \(OrderTerms.partyLimit) approvers at most, not \(approvers.count)")
        try require(
            approvers.isEmpty ? approvals == 0 : (1...approvers.count).contains(approvals),
            approvers.isEmpty
                ? "an order without approvers needs no approvals, and not \(approvals)"
                : "of \(approvers.count) approvers 1 to \(approvers.count) must approve, and not \(approvals)")
        try require(
            !requesterMayApprove || approvals > 0, "a redeemer's own approval can count only if approvals are needed")
        try require(
            approvals == 0 || redeemers.contains { eligibleApprovers(of: $0) >= approvals },
            "no redeemer could ever have \(approvals) approvals, because its own does not count")
        for time in [notBefore, notAfter].compactMap({ $0 }) { try DocumentRules.check(time: time) }
        if let notBefore, let notAfter {
            try require(notBefore <= notAfter, "the order would end before it begins to be redeemable")
        }
        try require(
            (1...OrderTerms.usesLimit).contains(maxUses),
            "an order is for 1 to \(OrderTerms.usesLimit) uses, not \(maxUses)")
    }

    private func eligibleApprovers(of redeemer: CID) -> Int {
        approvers.count - (!requesterMayApprove && approvers.contains(redeemer) ? 1 : 0)
    }

    /// All identities that the terms name, each once, in the order of their bytes.
    public var parties: [CID] {
        Set([fiduciary, principal, recipient] + redeemers + approvers + [beneficiary].compactMap { $0 }).sorted()
    }

    /// Whether this moment, in Unix seconds, lies between the times.
    public func mayBeRedeemed(at now: Int64) -> Bool { (notBefore ?? .min) <= now && now <= (notAfter ?? .max) }
}

extension OrderTerms {
    init(_ reader: inout DocumentReader) throws {
        let fiduciary = try reader.link("fiduciary")
        let principal = try reader.link("principal")
        let beneficiary = try reader.optionalLink("beneficiary")
        let redeemers = try reader.links("redeemers", atMost: OrderTerms.partyLimit)
        let recipient = try reader.link("recipient")
        let approvers = try reader.links("approvers", atMost: OrderTerms.partyLimit)
        let approvals = try reader.integer("approvals", in: 0...Int64(OrderTerms.partyLimit))
        // One meaning has one encoding: the field is absent if there are no approvers.
        let requesterMayApprove = approvals > 0 ? try reader.bool("requester_may_approve") : false
        let notBefore = try reader.optionalTime("not_before")
        let notAfter = try reader.optionalTime("not_after")
        let maxUses = try reader.integer("max_uses", in: 1...Int64(OrderTerms.usesLimit))
        try self.init(
            fiduciary: fiduciary, principal: principal, beneficiary: beneficiary, redeemers: redeemers,
            recipient: recipient, approvers: approvers, approvals: Int(approvals),
            requesterMayApprove: requesterMayApprove, notBefore: notBefore, notAfter: notAfter, maxUses: Int(maxUses))
        guard redeemers == self.redeemers, approvers == self.approvers else {
            throw FormatError(
                .notCanonical, "terms list redeemers and approvers in the order of their CIDs' bytes, each once")
        }
    }

    init(_ value: DAGCBOR.Value) throws {
        var reader = try DocumentReader(value, "the terms of an order")
        try self.init(&reader)
        try reader.finish()
    }

    /// Puts the terms' fields into a map.
    func write(_ map: inout DAGCBOR.Map) {
        map["fiduciary"] = .link(fiduciary)
        map["principal"] = .link(principal)
        map["beneficiary"] = beneficiary.map { .link($0) }
        map["redeemers"] = .list(redeemers.map { .link($0) })
        map["recipient"] = .link(recipient)
        map["approvers"] = .list(approvers.map { .link($0) })
        map["approvals"] = .integer(Int64(approvals))
        map["requester_may_approve"] = approvals > 0 ? .bool(requesterMayApprove) : nil
        map["not_before"] = notBefore.map { .integer($0) }
        map["not_after"] = notAfter.map { .integer($0) }
        map["max_uses"] = .integer(Int64(maxUses))
    }

    var value: DAGCBOR.Value {
        var map = DAGCBOR.Map()
        write(&map)
        return .map(map)
    }
}
