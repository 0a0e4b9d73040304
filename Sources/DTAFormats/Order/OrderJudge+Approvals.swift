/// Approvals: k different approvers' lines, each by its current identity, on this redemption and use, in time.
extension OrderJudge {
    /// The result of counting the approvals.
    public struct Count: Sendable {
        /// Why an approval does not count.
        public struct Ignored: Sendable, Hashable {
            /// The approver that it names.
            public let by: CID
            /// The reason.
            public let why: String
        }

        /// How many the terms ask for.
        public let needed: Int
        /// All valid approvals, one of each approver, in the order of the approvers' CIDs.
        public internal(set) var agreed: [SignedApproval] = []
        /// The approvals that count: no more than are needed.
        public internal(set) var counted: [SignedApproval] = []
        /// Approvers that said no, which is no veto.
        public internal(set) var rejections: [SignedApproval] = []
        /// Those that do not count.
        public internal(set) var ignored: [Ignored] = []

        /// How many are missing.
        public var missing: Int { needed - counted.count }

        /// For people: what is missing, and why some approvals do not count.
        public var sentence: String {
            let reasons = ignored.prefix(4).map { "that of \($0.by) does not count: \($0.why)" }
            let rejected = rejections.isEmpty ? [] : ["\(rejections.count) rejected it"]
            return (["\(counted.count) of \(needed) approvals"] + rejected + reasons).joined(separator: "; ")
        }
    }

    /// Counts approvals.
    /// - Parameter approvals: all that there are.
    /// - Parameter redemption: the CID of part 3.
    /// - Parameter use: the redemption's.
    /// - Parameter redeemer: the current identity that asks.
    /// - Parameter now: Unix seconds.
    public func count(
        _ approvals: [SignedApproval], of redemption: CID, use: Int, redeemer: CID, now: Int64
    ) throws -> Count {
        var count = Count(needed: order.terms.approvals)
        var agreed: [CID: SignedApproval] = [:]
        var rejected: [CID: SignedApproval] = [:]
        for signed in approvals {
            do {
                try check(signed, of: redemption, use: use, redeemer: redeemer, now: now)
                // A current identity is the end of its line, so two of one line are never both here.
                let by = signed.approval.by
                if signed.approval.decision == .approve { agreed[by] = signed } else { rejected[by] = signed }
            } catch let objection as OrderObjection {
                count.ignored.append(Count.Ignored(by: signed.approval.by, why: objection.reason))
            }
        }
        // An approver that says both yes and no has not agreed.
        for (by, signed) in rejected.sorted(by: { $0.key < $1.key }) {
            count.rejections.append(signed)
            agreed[by] = nil
        }
        count.agreed = agreed.sorted { $0.key < $1.key }.map(\.value)
        count.counted = Array(count.agreed.prefix(order.terms.approvals))
        return count
    }

    private func check(
        _ signed: SignedApproval, of redemption: CID, use: Int, redeemer: CID, now: Int64
    ) throws {
        let approval = signed.approval
        guard approval.order == cid, approval.redemption == redemption, approval.use == use else {
            throw OrderObjection(.wrongOrder, "it is for another order, redemption or use")
        }
        let approver = try acting(approval.by, "the approver")
        do {
            try signed.verify(approver: approver)
        } catch {
            throw OrderObjection(.forged, "\(error)")
        }
        guard try judgement.mayMake(.approval, as: approver.cid, under: order.terms) else {
            throw OrderObjection(.notRedeemer, "it is by none of the order's approvers")
        }
        guard order.terms.requesterMayApprove || approver.cid != redeemer else {
            throw OrderObjection(.approvalsMissing, "it is by the one who asks")
        }
        guard approval.expires >= now else { throw OrderObjection(.tooLate, "it has expired") }
    }
}
