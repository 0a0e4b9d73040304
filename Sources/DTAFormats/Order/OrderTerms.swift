/// What the principal laid down: who may redeem, who gets the result, who must agree, when, and how often. They name
/// identities as they were when the order was made; the newest of each one's line acts for it.
public struct OrderTerms: Hashable, Sendable {
    /// The most redeemers and the most approvers.
    public static let partyLimit = 16
    public static let usesLimit = 1_000_000

    /// Who keeps the secret.
    public let fiduciary: CID
    /// Who ordered it.
    public let principal: CID
    public let beneficiary: CID?
    /// Who may ask for its release or use: 1 to 16, in the order of their bytes, each once.
    public let redeemers: [CID]
    /// To whom, and to nobody else, the result is sealed.
    public let recipient: CID
    /// Who may agree to a redemption: up to 16, in the order of their bytes, each once.
    public let approvers: [CID]
    /// How many of them must; 0 where there are none.
    public let approvals: Int
    /// Whether the approval counts of one who is both an approver and the redeemer. False where there are no approvers.
    public let requesterMayApprove: Bool
    /// Unix seconds; nothing is released before.
    public let notBefore: Int64?
    /// Unix seconds; nothing is released after.
    public let notAfter: Int64?
    /// How often it may be used: 1 to 1,000,000.
    public let maxUses: Int

    /// Lists may come in any order, and name somebody twice.
    /// - Throws: `FormatError.invalidArgument` for terms that no order may have, or that nobody can meet.
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
            "\(approvals) approvals of \(approvers.count) approvers: of those there are, from 1 to all must be needed")
        try require(!requesterMayApprove || approvals > 0, "who asks may approve only where approvals are needed")
        try require(
            approvals == 0 || redeemers.contains { eligibleApprovers(of: $0) >= approvals },
            "no redeemer could ever have \(approvals) approvals, because his own does not count")
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

    /// Everybody whom the terms name, each once, in the order of their bytes.
    public var parties: [CID] {
        Set([fiduciary, principal, recipient] + redeemers + approvers + [beneficiary].compactMap { $0 }).sorted()
    }

    /// Whether this moment, in Unix seconds, lies between the times.
    public func mayBeRedeemed(at now: Int64) -> Bool { (notBefore ?? .min) <= now && now <= (notAfter ?? .max) }
}

