/// The checks of an order without any key.
extension OrderThread {
    private var judgement: IdentityJudge<KnownDocuments> { IdentityJudge(known) }

    /// The principal; nil if part 1 is not there.
    public var principal: CID? { self[order]?.header.from }

    /// The fiduciary: the identity to which part 1 is sealed beside its sender. Nil if that is not known.
    public var fiduciary: CID? {
        guard let first = self[order], let principal else { return nil }
        let others = first.recipients.filter { $0 != principal }
        if others.isEmpty { return first.recipients.first }
        return others.count == 1 ? others[0] : nil
    }

    /// The parties of the order, as far as the commitment shows; nil if there is none.
    private var parties: [CID]? {
        let commitments = parts.filter { $0.kind == .commitment }
        return commitments.isEmpty
            ? nil : commitments.flatMap(\.recipients) + [principal, fiduciary].compactMap { $0 }
    }

    mutating func checkSkeleton() {
        let parties = parties
        for part in parts {
            checkPlace(part)
            checkSender(part, parties)
        }
        checkOrder()
        checkCommitments()
        for redemption in parts where redemption.kind == .redemption { checkAnswers(to: redemption) }
        checkForks()
        checkDestruction()
    }

    private mutating func checkOrder() {
        guard let first = self[order] else { return }
        if first.kind != .order { note(first, .outOfOrder, "what should be part 1 is \(first.kind.withArticle)") }
        if fiduciary == nil { note(first, .recipients, "part 1 is sealed to several: one of them is the fiduciary") }
    }

    /// Whether a part answers one of the kind that it can answer.
    private mutating func checkPlace(_ part: Part) {
        let mayAnswer: [OrderPartKind] =
            switch part.kind {
            case .order: []
            case .commitment: [.order]
            case .deposit: [.commitment]
            case .redemption: [.commitment, .release]
            case .approval, .release: [.redemption]
            case .refusal: [.order, .redemption]
            case .destruction: [.commitment, .order]
            }
        guard let previous = part.header.previous else {
            if part.kind != .order { note(part, .outOfOrder, "\(part.kind.withArticle) that answers nothing") }
            if part.kind == .order, part.cid != order { note(part, .outOfOrder, "a second part 1 in the thread") }
            return
        }
        // Missing blocks were reported with the envelope.
        guard let answered = self[previous] else { return }
        if !mayAnswer.contains(answered.kind) {
            note(part, .outOfOrder, "\(part.kind.withArticle) cannot answer \(answered.kind.withArticle)")
        }
    }

    private mutating func checkSender(_ part: Part, _ parties: [CID]?) {
        let sender = part.header.from
        func acts(_ named: [CID]) -> Bool { (try? judgement.acts(sender, forAny: named)) ?? false }
        let isRight: Bool
        switch part.kind {
        case .order: isRight = true
        case .commitment, .release, .refusal, .destruction: isRight = fiduciary.map { acts([$0]) } ?? true
        case .deposit: isRight = principal.map { acts([$0]) } ?? true
        // The terms, which only they can read, say which of them may redeem and which may approve.
        case .redemption: isRight = parties.map(acts) ?? true
        case .approval:
            isRight = part.header.previous.flatMap { self[$0] }.map { acts($0.recipients) } ?? true
        }
        if !isRight {
            if let gap = gap(above: sender) {
                note(part, .missing, "the document of \(gap), which \(sender) or an earlier one replaces, is missing")
            } else {
                note(part, .thirdParty, "\(part.kind.withArticle) by \(sender), who may not make it")
            }
        }
        if part.kind == .release, part.recipients.count != 1 {
            note(part, .recipients, "a release is sealed to one recipient, not to \(part.recipients.count)")
        }
    }

    /// The first document that a line lacks: it might lead to an identity that may.
    private func gap(above cid: CID) -> CID? {
        var at = cid
        for _ in 0..<IdentityJudge<KnownDocuments>.linkLimit {
            guard let document = known.identities[at] else { return at }
            guard let previous = document.identity.previous, !known.refuted.contains(at) else { return nil }
            at = previous
        }
        return nil
    }

    /// Parts of a kind that answer `cid`, each once: the same envelope with another signature is the same part.
    private func different(_ kind: OrderPartKind, to cid: CID) -> [Part] {
        var seen: Set<[UInt8]> = []
        return answers(to: cid).filter { $0.kind == kind && seen.insert($0.signed.innerHash).inserted }
    }

    private mutating func checkCommitments() {
        let commitments = different(.commitment, to: order)
        for second in commitments.dropFirst() {
            note(second, .secondCommitment, "a second commitment to the same order: the fiduciary dealt doubly")
        }
        if let refusal = different(.refusal, to: order).first, !commitments.isEmpty {
            note(refusal, .contradiction, "the fiduciary refused the order and committed to it")
        }
    }

    private mutating func checkAnswers(to redemption: Part) {
        let releases = different(.release, to: redemption.cid)
        for second in releases.dropFirst() { note(second, .fork, "a second release for one redemption") }
        if let refusal = different(.refusal, to: redemption.cid).first, !releases.isEmpty {
            note(refusal, .contradiction, "the fiduciary refused the redemption and released it")
        }
    }

    /// Of several redemptions that follow the same part, one can be released.
    private mutating func checkForks() {
        for part in parts where part.kind == .commitment || part.kind == .release {
            let released = different(.redemption, to: part.cid).filter { !different(.release, to: $0.cid).isEmpty }
            for second in released.dropFirst() {
                note(second, .fork, "two redemptions of the same use were both released")
            }
        }
    }

    /// By the fiduciary's own clock.
    private mutating func checkDestruction() {
        guard let end = parts.filter({ $0.kind == .destruction }).map(\.header.created).min() else { return }
        for part in parts where part.kind == .release && part.header.created > end {
            note(part, .contradiction, "released after the fiduciary said that it had destroyed it")
        }
    }
}
