/// What is ordered, as a client says it. Identities are names, aliases or CIDs; "" and 0 mean the usual.
public struct NewOrder: Sendable {
    public var type = ""
    public var principal = ""
    public var fiduciary = ""
    public var beneficiary = ""
    public var redeemers: [String] = []
    public var recipient = ""
    public var approvers: [String] = []
    public var approvals = 0
    public var requesterMayApprove = false
    /// Unix seconds.
    public var notBefore: Int64 = 0
    public var notAfter: Int64 = 0
    public var maxUses = 0
    public var fields: [(String, String)] = []

    public init() {}
}
