import AgentProtocol
import DTABytes
import DTACourier
import DTAFormats

/// Orders as text for people.
extension AgentOrder {
    var stateStyle: Style {
        switch knownState {
        case .released, .exhausted: .good
        case .refused, .frozen: .bad
        case .destroyed: .dim
        case .ordered, .committed, .requested, nil: .warning
        }
    }

    /// Whether it does not continue automatically although it is neither refused nor frozen: `reason` says why.
    var waitsForComparison: Bool { !reason.isEmpty && !self.is(.refused, .frozen, .destroyed) }

    /// The state, marked if it does not continue automatically; `reason` says why.
    var stateText: String { waitsForComparison ? state + " (!)" : state }

    /// The beginning of the reference, as lists show it; any command takes it.
    var shortReference: String { String(reference.prefix(12)) }

    /// Whether the fiduciary has to decide something: not if it expired, or still needs approvals.
    var waitsForFiduciary: Bool { isFiduciarysTurn || waitsForComparison }

    /// `2 of 3, 1 given so far`; nil if none are needed.
    var approvalText: String? {
        guard approvals > 0 else { return nil }
        let given = self.is(.requested) ? ", \(approved) given so far" : ""
        return "\(approvals) of \(approvers.count)\(given)"
    }

    var usesText: String { "\(uses) of \(max(1, maxUses))" }

    /// `from 2026-12-24 00:00`, `until 2027-01-01 00:00`, both, or `any time`.
    var timesText: String {
        let from = notBefore == 0 ? nil : "from \(HumanUnits.time(unixSeconds: notBefore))"
        let until = notAfter == 0 ? nil : "until \(HumanUnits.time(unixSeconds: notAfter))"
        let both = [from, until].compactMap { $0 }
        return both.isEmpty ? "at any time" : both.joined(separator: " ")
    }

    /// All terms, and the present state.
    func details(_ parties: Parties, committed: [AgentField] = []) -> Details {
        func marked(_ cid: String) -> String {
            cid.isEmpty ? "–" : parties.name(cid) + (parties.isOwn(cid) ? " (here)" : "")
        }
        func marked(_ cids: [String]) -> String { cids.map(marked).joined(separator: "\n") }
        var details = Details()
        details.add("order", reference, .bold)
        details.add("cid", cid, .dim)
        details.add("type", type)
        details.add("state", state, stateStyle)
        if !reason.isEmpty { details.add("because", SafeText.line(reason), .bad) }
        if !nextText.isEmpty { details.add("next", nextText, .bold) }
        details.add("principal", marked(principal))
        details.add("fiduciary", marked(fiduciary))
        if !beneficiary.isEmpty { details.add("beneficiary", marked(beneficiary)) }
        if !redeemers.isEmpty { details.add(redeemers.count == 1 ? "redeemer" : "redeemers", marked(redeemers)) }
        if !recipient.isEmpty { details.add("result goes to", marked(recipient)) }
        if let approvalText {
            details.add("approvals", approvalText + (requesterMayApprove ? ", the requester's own counts" : ""))
            details.add(approvers.count == 1 ? "approver" : "approvers", marked(approvers))
        }
        details.add("may be used", timesText)
        details.add("uses", usesText)
        // Text from others stays on lines that begin with its field name, after a word of this program.
        for field in fields { details.add("field \(field.name)", SafeText.line(field.value)) }
        if !commitment.isEmpty { details.add("commitment", Hexadecimal.encode(commitment)) }
        // People cannot use the proof: it is verified.
        for field in committed where field.name != "proof" {
            details.add("committed \(field.name)", SafeText.line(field.value))
        }
        details.add("ordered", HumanUnits.time(unixSeconds: created) + ", as the principal says")
        return details
    }
}
