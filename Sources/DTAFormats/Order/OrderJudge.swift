import DTABytes

/// Says whether a redemption may be released now, by the order, public documents and the time. The front asks it what
/// is missing; dtad-hsm asks it before it releases anything.
///
/// It judges by the documents that it is given. Each identity that acts must come with all that it claims to replace:
/// otherwise a missing link would make one party look like two. It cannot know documents that are held back, such as a
/// revocation.
public struct OrderJudge: Sendable {
    public let order: Order
    /// Part 1.
    public let cid: CID
    /// 16 bytes.
    public let thread: [UInt8]
    let known: KnownDocuments

    public init(_ order: Order, cid: CID, thread: [UInt8], known: KnownDocuments) {
        self.order = order
        self.cid = cid
        self.thread = thread
        self.known = known
    }

    /// A granted release.
    public struct Verdict: Sendable {
        /// The identity that asked, the newest of its line.
        public let redeemer: SignedIdentity
        /// The only identity to which the result is sealed: the newest of the recipient's line.
        public let recipient: SignedIdentity
        /// The approvals that count: one of each approver's line.
        public let approvals: [SignedApproval]
    }

    /// The furthest that a redemption's time of arrival may lie ahead of the clock, in seconds: clocks are corrected.
    public static let clockTolerance: Int64 = 300

    /// Judges the redemption and its approvals.
    /// - Parameter signed: part 3.
    /// - Parameter redemption: its plaintext.
    /// - Parameter approvals: all that there are.
    /// - Parameter fiduciary: the identity to which part 3 was sealed.
    /// - Parameter received: when part 3 came, in Unix seconds.
    /// - Parameter now: Unix seconds.
    /// - Throws: ``OrderObjection``.
    public func judge(
        _ signed: SignedEnvelope, _ redemption: OrderRedemption, approvals: [SignedApproval], fiduciary: CID,
        received: Int64, now: Int64
    ) throws -> Verdict {
        let redeemer = try redeemer(of: signed, redemption, fiduciary: fiduciary)
        try checkTimes(received: received, now: now)
        let count = try count(approvals, of: signed.cid, use: redemption.use, redeemer: redeemer.cid, now: now)
        guard count.missing == 0 else { throw OrderObjection(.approvalsMissing, count.sentence) }
        return Verdict(redeemer: redeemer, recipient: try recipient(), approvals: count.counted)
    }

    /// The identity that asks: a redeemer of this order, which signed this and is current.
    /// - Throws: `OrderObjection`.
    public func redeemer(
        of signed: SignedEnvelope, _ redemption: OrderRedemption, fiduciary: CID
    ) throws -> SignedIdentity {
        try checkPart(signed, redemption)
        try check(fiduciary: fiduciary)
        let sender = try acting(signed.envelope.header.from, "the redemption's sender")
        do {
            try signed.verify(sender: sender)
        } catch {
            throw OrderObjection(.forged, "the redemption is not signed by its sender: \(error)")
        }
        guard try judgement.mayMake(.redemption, as: sender.cid, under: order.terms) else {
            throw OrderObjection(.notRedeemer, "\(sender.cid) may not redeem this order")
        }
        return sender
    }

    /// The identity to which the result is sealed: the newest of the recipient's line, which must be current.
    /// - Throws: `OrderObjection`.
    public func recipient() throws -> SignedIdentity {
        // The newest that is known; without the document that the terms name, no line can be followed.
        guard known.identities[order.terms.recipient] != nil else { throw missing(order.terms.recipient) }
        return try acting(judgement.newest(of: order.terms.recipient).cid, "the recipient")
    }

    /// - Throws: `OrderObjection` before and after the order's times.
    public func checkTimes(received: Int64, now: Int64) throws {
        let terms = order.terms
        if let notBefore = terms.notBefore, min(received, now) < notBefore {
            throw OrderObjection(.notYet, "the order cannot be redeemed before \(UTCTime.text(notBefore))")
        }
        if let notAfter = terms.notAfter, max(received, now) > notAfter {
            throw OrderObjection(.tooLate, "the order could be redeemed until \(UTCTime.text(notAfter))")
        }
        guard received <= now + OrderJudge.clockTolerance else {
            throw OrderObjection(.notYet, "the redemption is said to have come later than now")
        }
    }

    // MARK: Parts and people

    var judgement: IdentityJudge<KnownDocuments> { IdentityJudge(known) }

    private func checkPart(_ signed: SignedEnvelope, _ redemption: OrderRedemption) throws {
        let header = signed.envelope.header
        guard header.content == OrderPartKind.redemption.contentType else {
            throw OrderObjection(.wrongOrder, "the part is no redemption by its media type")
        }
        guard header.thread == thread, header.previous != nil else {
            throw OrderObjection(.wrongOrder, "the redemption does not continue the order's thread")
        }
        do {
            try redemption.heading.check(order: cid, terms: order.terms)
        } catch {
            throw OrderObjection(.wrongOrder, "\(error)")
        }
        guard redemption.terms == order.terms else {
            // So its use is also within `max_uses`: reading refuses a redemption whose use its terms do not allow.
            throw OrderObjection(.wrongOrder, "the redemption repeats other terms than the order's")
        }
    }

    /// Whether `fiduciary`, to whom a part was sealed, is the order's or of that one's line.
    /// - Throws: `OrderObjection`.
    public func check(fiduciary: CID) throws {
        guard try judgement.areOneLine(fiduciary, order.terms.fiduciary) else {
            throw OrderObjection(.wrongFiduciary, "\(fiduciary) is not the fiduciary of this order")
        }
    }

    /// An identity that acts: its document, with all that it claims to replace, and current.
    func acting(_ cid: CID, _ who: String) throws -> SignedIdentity {
        guard let document = known.identities[cid] else { throw missing(cid) }
        try checkAncestry(of: document)
        let standing = try judgement.standing(of: cid)
        guard standing == .current else {
            throw OrderObjection(.notCurrent, "\(who), \(cid), is \(standing.name): it cannot act any more")
        }
        return document
    }

    private func checkAncestry(of document: SignedIdentity) throws {
        var child = document
        for _ in 0..<IdentityJudge<KnownDocuments>.linkLimit {
            guard !known.refuted.contains(child.cid) else {
                throw OrderObjection(.forged, "\(child.cid) claims to replace another, which never agreed")
            }
            guard let previous = child.identity.previous else { return }
            guard let parent = known.identities[previous] else { throw missing(previous) }
            child = parent
        }
        throw OrderObjection(.unknownParty, "the line of \(document.cid) is too long to be judged")
    }

    private func missing(_ cid: CID) -> OrderObjection {
        OrderObjection(.unknownParty, "the document of \(cid) is not there, so the order cannot be judged")
    }
}
