/// A new order, as a client asks for it. Identities are names, aliases or CIDs; "" and 0 mean the default.
package struct NewOrder: Sendable {
    package var type = ""
    package var principal = ""
    package var fiduciary = ""
    package var beneficiary = ""
    package var redeemers: [String] = []
    package var recipient = ""
    package var approvers: [String] = []
    package var approvals = 0
    package var requesterMayApprove = false
    /// Unix seconds.
    package var notBefore: Int64 = 0
    package var notAfter: Int64 = 0
    package var maxUses = 0
    package var fields: [(String, String)] = []

    package init() {}
}
