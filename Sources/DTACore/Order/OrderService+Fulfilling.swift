import CustodyProtocol
import DTAFormats
import DTAPlugins
import DTASystem
import GRDB

/// What a fiduciary does with an order: by hand, or by itself where its rules say so.
extension OrderService {
    /// What somebody at the fiduciary decides.
    public enum Decision: String, Sendable, CaseIterable {
        case commit, release, refuse
        /// An order that came out of a backup is as others have it: the rules are for it again.
        case resume
    }

    /// - Parameters: `decision`: ""; whatever is next; `reason`: why it is refused, one line.
    public func fulfil(
        _ caller: Caller, _ subject: String, decision: String, reason: String
    ) throws -> OrderAct {
        let record = try find(caller, subject)
        _ = try acting(
            caller, .fulfil, among: [record.terms.fiduciary], of: record, as: nil, what: "fulfil")
        if decision.isEmpty { try requireCompared(record) }
        guard let decision = decision.isEmpty ? usual(record) : Decision(rawValue: decision) else {
            throw decision.isEmpty
                ? DTAError(
                    .failedPrecondition,
                    "nothing of order \(record.reference) waits for its fiduciary: it is \(record.state.rawValue)")
                : DTAError(
                    .invalidArgument, "a fiduciary decides commit, release, refuse or resume, not \(quoted(decision))")
        }
        return OrderAct(try program(record)) { [self] custodian in
            let now = try store.read { try OrderTable.need(record.number, in: $0) }
            var parts: [CID] = []
            switch decision {
            case .commit: parts = [try done(now, .commitment) ?? commit(now, custodian)]
            case .release: parts = [try now.progress.open == nil ? again(now) : release(now, custodian)]
            case .refuse: parts = [try refuse(now, reason: reason, custodian)]
            case .resume: break
            }
            // Last: where it did not come so far, it is still to be compared.
            try noteCompared(now)
            if decision == .resume { parts = try advance(record.number, custodian) }
            return try answer(caller, record.number, parts)
        }
    }

    private func usual(_ record: OrderRecord) -> Decision? {
        switch record.state {
        case .ordered: .commit
        case .requested: .release
        default: nil
        }
    }

    /// The part that a decision made before; nil where there is none.
    private func done(_ record: OrderRecord, _ kind: OrderPartKind) throws -> CID? {
        try store.read { try OrderPartTable.last(kind, of: record.number, in: $0)?.cid }
    }

    private func again(_ record: OrderRecord) throws -> CID {
        guard let release = try done(record, .release), [.released, .exhausted].contains(record.state) else {
            throw DTAError(
                .failedPrecondition,
                "no redemption of order \(record.reference) is open: it is \(record.state.rawValue)")
        }
        return release
    }

    // MARK: By itself

    /// What this host's rules say about an order; nil where none accepts it.
    private func rule(_ record: OrderRecord) throws -> OrderRules.Rule? {
        let principal = try identities.known(blocks.document(record.terms.principal))
        return rules.rule(for: record.kind, from: principal)
    }

    /// Takes up an order that was made or came just now: refuses what no rule accepts, and commits where a rule says so.
    /// - Returns: the parts that were made.
    func take(up number: Int64, _ letter: OrderLetter, _ custodian: any Custodian) throws -> [CID] {
        let record = try store.read { try OrderTable.need(number, in: $0) }
        guard record.state == .ordered, record.restored == nil, case .order(let order)? = letter.part else { return [] }
        if let denial = try denial(of: order, record) {
            return try refuse(letter, record, denial, custodian).map { [$0] } ?? []
        }
        return try advance(number, custodian)
    }

    private func denial(of order: Order, _ record: OrderRecord) throws -> OrderDenial? {
        let plugin: any OrderPlugin
        do { plugin = try plugins.plugin(order.kind) } catch let error as DTAError where error.isPluginDecision {
            return OrderDenial(.plugin, "this fiduciary knows no orders of type \(order.kind)")
        }
        guard try rule(record) != nil else {
            return OrderDenial(.policy, "this fiduciary accepts no orders of type \(order.kind) from this principal")
        }
        do {
            try plugin.validate(pluginOrder(order, record))
            return nil
        } catch let error as DTAError where error.isPluginDecision {
            return OrderDenial(.plugin, error.message)
        }
    }

    /// Does what needs no hand by this host's rules. What fails is left for a hand, or for the next part that comes.
    /// - Returns: the parts that were made.
    func advance(_ number: Int64, _ custodian: any Custodian) throws -> [CID] {
        let record = try store.read { try OrderTable.need(number, in: $0) }
        guard record.restored == nil, try isFiduciaryHere(record.terms), let rule = try rule(record) else { return [] }
        do {
            switch record.state {
            case .ordered where rule.commitsByItself: return [try commit(record, custodian)]
            case .requested where rule.releasesByItself:
                // Approvals are waited for without a word.
                guard try isReleasable(record) else { return [] }
                return [try release(record, custodian)]
            default: return []
            }
        } catch let error as DTAError {
            logger.warning(
                "an order waits for a hand",
                metadata: ["order": "\(record.cid)", "state": "\(record.state)", "why": "\(error.message)"])
            return []
        }
    }

    private func isReleasable(_ record: OrderRecord) throws -> Bool {
        guard record.terms.approvals > 0 else { return true }
        return try approvals(record).count { $0.approval.decision == .approve } >= record.terms.approvals
    }

    /// The approvals of the open redemption that are here and have not expired.
    private func approvals(_ record: OrderRecord) throws -> [SignedApproval] {
        guard let open = record.progress.open else { return [] }
        let parts = try store.read { try OrderPartTable.approvals(of: open, at: OrderService.now, in: $0) }
        return try parts.compactMap { part in
            try part.approval.map { block in
                try explaining("an approval that is stored is damaged") { try SignedApproval(block) }
            }
        }
    }

    // MARK: Committing

    /// Part 2: makes the secret, seals it with what the principal signed, and tells all who have a part in it.
    private func commit(_ record: OrderRecord, _ custodian: any Custodian) throws -> CID {
        guard record.state == .ordered else {
            throw DTAError(
                .failedPrecondition,
                "order \(record.reference) is \(record.state.rawValue): nothing is committed to any more")
        }
        let actor = try fiduciary(record)
        let (first, own, order) = try order(record, custodian)
        let plugin = try plugins.plugin(order.kind)
        let asked = try pluginOrder(order, record)
        try plugin.validate(asked)
        let extra = try plugin.commit(asked)
        return try withSecret(of: record, first, own, order, plugin, extra, custodian) { secret in
            let commitment = try explaining("the commitment cannot be made") {
                try OrderCommitment(
                    order: record.cid, kind: order.kind, terms: order.terms, publicKey: secret.publicKey,
                    proof: secret.proof, fields: OrderFields(extra?.fields ?? [:]))
            }
            let letter = try seal(
                .commitment(commitment), from: actor, to: order.terms.parties,
                needed: [order.terms.principal, order.terms.recipient], answering: first, custodian)
            CrashPoint.reach(.orderCommitSealed)
            try store(letter, by: actor.owner, in: record.number) { try self.store(secret, of: record, order, in: $0) }
            CrashPoint.reach(.orderCommitStored)
            return letter.signed.cid
        }
    }

    // MARK: Releasing

    /// Part 4: dtad-hsm judges the redemption and seals the result to the one whom the terms name; this signs it.
    private func release(_ record: OrderRecord, _ custodian: any Custodian) throws -> CID {
        guard let open = record.progress.open, record.state == .requested else {
            throw DTAError(
                .failedPrecondition,
                "no redemption of order \(record.reference) is open: it is \(record.state.rawValue)")
        }
        if let damage = damages.withLock({ $0[record.number] }) {
            throw DTAError(
                .dataLoss, "the secret of order \(record.reference) cannot be used: \(damage)",
                hint: "an administrator should compare the token and the state directory with their backups")
        }
        if let late = times(record.terms) { throw late.error }
        let (redemption, own, part) = try part(open, as: record.terms.fiduciary, custodian)
        guard case .redemption(let asked) = part else { throw DTAError(.internal, "\(open) is no redemption") }
        let (_, _, order) = try order(record, custodian)
        // The one to whom it was sealed opens it; who may have taken that one's place since signs the answer.
        let actor = try fiduciary(record)
        let plugin = try plugins.plugin(order.kind)
        let told = PluginRedemption(
            cid: open, use: asked.use, redeemer: redemption.envelope.header.from, purpose: asked.purpose,
            request: asked.request.values)
        let pluginOrder = try pluginOrder(order, record)
        try plugin.prepare(pluginOrder, told)
        let letter: OrderLetter
        if plugin.keeps == .agent {
            letter = try release(record, redemption, own, from: actor, custodian)
        } else {
            letter = try release(record, order, redemption, asked, own, from: actor, custodian) { state in
                try plugin.release(pluginOrder, told, state: state)
            }
        }
        CrashPoint.reach(.orderReleaseSealed)
        try store(letter, by: actor.owner, in: record.number)
        CrashPoint.reach(.orderReleaseStored)
        return letter.signed.cid
    }

    private func release(
        _ record: OrderRecord, _ redemption: SignedEnvelope, _ own: IdentityRecord, from actor: IdentityRecord,
        _ custodian: any Custodian
    ) throws -> OrderLetter {
        let secret = try secret(of: record)
        let approvals = try approvals(record)
        let received = try store.read { try OrderPartTable.find(redemption.cid, in: $0)?.received } ?? OrderService.now
        let documents = try evidence(
            of: [own.cid, actor.cid, redemption.envelope.header.from, record.terms.fiduciary, record.terms.recipient]
                + approvals.map(\.approval.by))
        let make = secret.object == nil ? custodian.release : custodian.signForOrder
        let made = try make(
            own.recipientKey, secret.blob, record.cid.bytes, redemption.block, approvals.map(\.block), documents,
            received)
        let envelope = try explaining("dtad-hsm answered no envelope") { try Envelope(encoded: made) }
        return try sign(envelope, nil, from: actor, custodian)
    }

    /// The release of what a plugin keeps: what dtad-hsm would check is checked here.
    private func release(
        _ record: OrderRecord, _ order: Order, _ redemption: SignedEnvelope, _ asked: OrderRedemption,
        _ own: IdentityRecord, from actor: IdentityRecord, _ custodian: any Custodian,
        result: ([UInt8]) throws -> [String: OrderFieldValue]
    ) throws -> OrderLetter {
        let approvals = try approvals(record)
        let now = OrderService.now
        let received = try store.read { try OrderPartTable.find(redemption.cid, in: $0)?.received } ?? now
        let documents = try evidence(
            of: [own.cid, actor.cid, redemption.envelope.header.from, record.terms.fiduciary, record.terms.recipient]
                + approvals.map(\.approval.by))
        let judge = OrderJudge(
            order, cid: record.cid, thread: record.reference.thread,
            known: KnownDocuments(
                documents.compactMap { try? SignedIdentity(block: $0) },
                revocations: documents.compactMap { try? SignedRevocation(block: $0) }))
        let verdict: OrderJudge.Verdict
        do {
            verdict = try judge.judge(
                redemption, asked, approvals: approvals, fiduciary: own.cid, received: received, now: now)
        } catch let objection as OrderObjection {
            throw DTAError(.failedPrecondition, "order \(record.reference) is not released: \(objection.reason)")
        }
        var state = try custodian.unsealState(
            secret(of: record).blob, purpose: OrderService.pluginState, id: record.cid.bytes)
        defer { wipe(&state) }
        let release = try explaining("the plugin's answer cannot be released") {
            try OrderRelease(
                order: record.cid, terms: record.terms, use: asked.use, redemption: redemption.cid, received: received,
                released: now, approvals: verdict.approvals, result: OrderFields(result(state)))
        }
        let envelope = try explaining("the release cannot be sealed") {
            var plaintext = try release.encoded()
            defer { wipe(&plaintext) }
            return try EnvelopeSealer.seal(
                plaintext, content: OrderPartKind.release.contentType, from: actor.cid, to: [verdict.recipient],
                created: now, answering: redemption)
        }
        return try sign(envelope, .release(release), from: actor, custodian)
    }

    // MARK: Refusing

    /// By hand: the order, or the open redemption.
    private func refuse(_ record: OrderRecord, reason: String, _ custodian: any Custodian) throws -> CID {
        let refused: CID
        switch record.state {
        case .ordered: refused = record.cid
        case .requested: refused = record.progress.open ?? record.cid
        case .refused:
            guard let before = try done(record, .refusal) else { fallthrough }
            return before
        default:
            throw DTAError(
                .failedPrecondition,
                "nothing of order \(record.reference) can be refused now: it is \(record.state.rawValue)")
        }
        let signed = try envelopes.verified(refused)
        let letter = OrderLetter(
            signed: signed, kind: try OrderService.kind(of: signed), part: nil, standing: Standing.current.name)
        let why = reason.isEmpty ? "the fiduciary decided so" : reason
        guard let refusal = try refuse(letter, record, OrderDenial(.decision, why), custodian) else {
            throw DTAError(.failedPrecondition, "whoever made \(refused) cannot be answered any more")
        }
        return refusal
    }

    /// A signed refusal, for who has a right to one. Strangers get none.
    /// - Returns: its CID; nil where none was made.
    func refuse(
        _ letter: OrderLetter, _ record: OrderRecord, _ denial: OrderDenial, _ custodian: any Custodian
    ) throws -> CID? {
        guard letter.kind == .order || letter.kind == .redemption, denial.code != .stranger, denial.code != .mismatch
        else { return nil }
        let (actor, asker) = try store.read { database -> (IdentityRecord?, CID?) in
            let facts = KnownFacts(database: database)
            let askers = letter.kind == .order ? [record.terms.principal] : record.terms.redeemers
            return (
                try self.actor(for: record.terms.fiduciary, facts), try party(letter.from, among: askers, facts)
            )
        }
        guard let actor, let asker else { return nil }
        let use = letter.kind == .order ? 0 : record.progress.uses + 1
        let refusal = try explaining("the refusal cannot be made") {
            try OrderRefusal(
                order: record.cid, terms: record.terms, use: min(use, record.terms.maxUses), refused: letter.signed.cid,
                code: denial.code.rawValue, reason: OrderService.line(denial.reason, atMost: OrderRefusal.reasonLimit),
                winner: denial.winner)
        }
        let answer = try seal(
            .refusal(refusal), from: actor, to: [asker], answering: letter.signed, custodian)
        CrashPoint.reach(.orderRefuseSealed)
        try store(answer, by: actor.owner, in: record.number)
        return answer.signed.cid
    }

    /// One line of a sentence, without what a document may not have.
    static func line(_ text: String, atMost limit: Int) -> String {
        var line = ""
        for scalar in text.unicodeScalars {
            let isPlain = scalar.value >= 0x20 && scalar.value < 0x7f || scalar.properties.isAlphabetic
            let next = isPlain ? String(scalar) : "?"
            guard line.utf8.count + next.utf8.count <= limit else { break }
            line += next
        }
        return line.isEmpty ? "no reason was given" : line
    }

    /// Whether the plugin refuses what a redemption asks for; nil where it does not, or this is not the fiduciary.
    func requestDenial(_ letter: OrderLetter, _ number: Int64, _ custodian: any Custodian) throws -> OrderDenial? {
        guard case .redemption(let asked)? = letter.part else { return nil }
        let record = try store.read { try OrderTable.need(number, in: $0) }
        guard try isFiduciaryHere(record.terms) else { return nil }
        let (_, _, order) = try order(record, custodian)
        do {
            try plugins.plugin(order.kind).prepare(
                pluginOrder(order, record),
                PluginRedemption(
                    cid: letter.signed.cid, use: asked.use, redeemer: letter.from, purpose: asked.purpose,
                    request: asked.request.values))
            return nil
        } catch let error as DTAError where error.isPluginDecision {
            return OrderDenial(.plugin, error.message)
        }
    }
}
