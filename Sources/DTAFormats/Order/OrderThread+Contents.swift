import DTABytes

/// The checks of an order by a program that can open some of its parts.
extension OrderThread {
    /// The order's terms, from the first part that was opened and has them.
    public var terms: OrderTerms? {
        for part in parts {
            switch part.contents {
            case .order(let order)? where part.cid == self.order: return order.terms
            case .commitment(let commitment)?: return commitment.terms
            case .redemption(let redemption)?: return redemption.terms
            default: continue
            }
        }
        return nil
    }

    private var orderContents: Order? { if case .order(let order)? = self[order]?.contents { order } else { nil } }

    private var commitment: OrderCommitment? {
        for part in parts { if case .commitment(let commitment)? = part.contents { return commitment } }
        return nil
    }

    mutating func read(_ plaintexts: [CID: SecretReference]) {
        for index in parts.indices {
            guard let plaintext = plaintexts[parts[index].cid] else { continue }
            do {
                parts[index].contents = try plaintext.withBytes { try OrderPart($0, as: parts[index].kind) }
            } catch {
                note(parts[index], .contents, "\(error)")
            }
        }
    }

    mutating func checkContents() {
        guard let terms else { return }
        for part in parts {
            guard let contents = part.contents else { continue }
            do {
                try contents.heading?.check(order: order, terms: terms)
                try check(part, contents, terms)
            } catch {
                note(part, .contents, "\(error)")
            }
        }
    }

    private func check(_ part: Part, _ contents: OrderPart, _ terms: OrderTerms) throws {
        func require(_ condition: Bool, _ sentence: String) throws {
            if !condition { throw FormatError(.mismatch, sentence) }
        }
        try require(
            IdentityJudge(known).mayMake(part.kind, as: part.header.from, under: terms),
            "the terms do not let \(part.header.from) make \(part.kind.withArticle)")
        switch contents {
        case .order(let order): try require(order.terms == terms, "another order in the same thread")
        case .commitment(let commitment):
            try require(commitment.terms == terms, "the fiduciary committed to other terms than were ordered")
            if let ordered = orderContents {
                try require(commitment.kind == ordered.kind, "the fiduciary committed to another kind of order")
            }
            try commitment.checkProof(share: orderContents?.fields[OrderKind.share]?.bytes)
        case .deposit(let deposit):
            try require(deposit.commitment == part.header.previous, "the deposit is to another commitment")
        case .redemption(let redemption):
            try require(redemption.terms == terms, "the redemption repeats other terms than the order's")
            try checkUse(redemption, part)
        case .approval(let approval): try check(approval, part)
        case .release(let release): try check(release, part, terms)
        case .refusal(let refusal):
            try require(refusal.refused == part.header.previous, "the refusal is of another part than it answers")
        case .destruction: break
        }
    }

    /// Use 1 follows the commitment, use i the release of use i − 1.
    private func checkUse(_ redemption: OrderRedemption, _ part: Part) throws {
        guard let previous = part.header.previous.flatMap({ self[$0] }) else { return }
        let expected: Int
        switch (previous.kind, previous.contents) {
        case (.commitment, _): expected = 1
        case (.release, .release(let release)?): expected = release.use + 1
        default: return
        }
        guard redemption.use == expected else {
            throw FormatError(.mismatch, "use \(redemption.use) where use \(expected) should follow")
        }
    }

    private func check(_ signed: SignedApproval, _ part: Part) throws {
        guard signed.approval.by == part.header.from, signed.approval.order == order,
            signed.approval.redemption == part.header.previous
        else { throw FormatError(.mismatch, "the approval is not of its sender, order and redemption") }
        if case .redemption(let redemption)? = self[signed.approval.redemption]?.contents,
            redemption.use != signed.approval.use
        {
            throw FormatError(.mismatch, "the approval is for another use")
        }
        guard let approver = known.identities[signed.approval.by] else { return }
        try signed.verify(approver: approver)
    }

    private func check(_ release: OrderRelease, _ part: Part, _ terms: OrderTerms) throws {
        guard release.redemption == part.header.previous else {
            throw FormatError(.mismatch, "the release is for another redemption than it answers")
        }
        guard terms.mayBeRedeemed(at: release.received), terms.mayBeRedeemed(at: release.released) else {
            throw FormatError(.mismatch, "released outside of the order's times")
        }
        var request = OrderFields.none
        if case .redemption(let redemption)? = self[release.redemption]?.contents {
            guard redemption.use == release.use else {
                throw FormatError(.mismatch, "the release is for another use than was asked for")
            }
            request = redemption.request
        }
        try checkApprovals(release, terms)
        if let commitment { try commitment.check(release.result, of: request, algorithm: orderContents?.algorithm) }
    }

    /// Approvers of as many lines as the terms ask for, in time. Their standing now does not show their standing then.
    private func checkApprovals(_ release: OrderRelease, _ terms: OrderTerms) throws {
        let judge = IdentityJudge(known)
        var lines: Set<CID> = []
        for signed in release.approvals {
            let approval = signed.approval
            guard approval.order == order, approval.redemption == release.redemption, approval.use == release.use,
                approval.decision == .approve, approval.expires >= release.released
            else { throw FormatError(.mismatch, "the release counts an approval that does not fit it") }
            guard let approver = known.identities[approval.by] else { continue }
            try signed.verify(approver: approver)
            guard try judge.mayMake(.approval, as: approval.by, under: terms) else {
                throw FormatError(.mismatch, "the release counts an approval by none of the approvers")
            }
            lines.insert(try judge.newest(of: approval.by).cid)
        }
        let isKnown = release.approvals.allSatisfy { known.identities[$0.approval.by] != nil }
        guard !isKnown || lines.count >= terms.approvals else {
            throw FormatError(.mismatch, "released with \(lines.count) approvals, where \(terms.approvals) are needed")
        }
    }
}
