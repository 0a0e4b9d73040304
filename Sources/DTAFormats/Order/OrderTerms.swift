/// Who may do what in an order, and when: fixed by part 1.
public struct OrderTerms: Sendable, Equatable {
    public var fiduciary: CID
    public var principal: CID
    public var beneficiary: CID?
    public var redeemers: [CID]
    public var recipient: CID
    public var approvers: [CID] = []
    public var approvals = 0
    public var requesterMayApprove = false
    public var notBefore: Int64?
    public var notAfter: Int64?
    public var maxUses = 1

    public init(fiduciary: CID, principal: CID, beneficiary: CID?, redeemers: [CID], recipient: CID) {
        self.fiduciary = fiduciary
        self.principal = principal
        self.beneficiary = beneficiary
        self.redeemers = redeemers
        self.recipient = recipient
    }
}
