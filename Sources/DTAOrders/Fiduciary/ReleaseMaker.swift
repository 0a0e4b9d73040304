import CustodyProtocol
import DTABytes
import DTACore
import DTAFormats
import DTAIdentities
import DTAPlugins
import DTASystem

/// Makes part 4: the answer to a redemption, if the terms allow it now.
struct ReleaseMaker: Sendable {
    let book: OrderBook
    let plugins: PluginRegistry
    let secrets: OrderSecrets
    let evidence: OrderEvidence
    let health: OrderHealth
    let clock: WallClock

    /// A redemption, with what is needed to answer it.
    private struct Asked {
        let signed: SignedEnvelope
        let redemption: OrderRedemption
        /// The identity to which it was sealed, and that opens it.
        let own: IdentityRecord
        /// The identity that signs the answer: `own`, or its successor.
        let actor: IdentityRecord
        let order: Order
    }

    /// dtad-hsm judges the redemption and seals the result to the recipient in the terms; this signs the envelope.
    func make(_ record: OrderRecord, _ post: PartPost) throws -> CID {
        guard let open = record.progress.open, record.state == .requested else {
            throw DTAError(
                .failedPrecondition,
                "no redemption of order \(record.reference) is open: it is \(record.state.rawValue)")
        }
        if let damage = health.damage(of: record.number) {
            throw DTAError(
                .dataLoss, "the secret of order \(record.reference) cannot be used: \(damage)",
                hint: "an administrator should compare the token and the state directory with their backups")
        }
        if let late = book.rules.times(record.terms) { throw late.error }
        let (signed, own, part) = try post.part(open, as: record.terms.fiduciary)
        guard case .redemption(let redemption) = part else { throw DTAError(.internal, "\(open) is no redemption") }
        let asked = Asked(
            signed: signed, redemption: redemption, own: own, actor: try book.lookup.fiduciary(of: record),
            order: try post.order(record).order)
        let plugin = try plugins.plugin(asked.order.kind)
        let told = PluginRedemption(
            cid: open, use: redemption.use, redeemer: signed.envelope.header.from, purpose: redemption.purpose,
            request: redemption.request.values)
        let pluginOrder = try PluginOrder(of: asked.order, record)
        try plugin.prepare(pluginOrder, told)
        let found = try evidence.release(
            for: signed, redemption, of: asked.order, record, openedBy: own.cid, signedBy: asked.actor.cid)
        let letter: OpenedPart
        if plugin.keeps == .agent {
            letter = try release(record, asked, found, post)
        } else {
            letter = try release(record, asked, found, post) { state in
                try plugin.release(pluginOrder, told, state: state)
            }
        }
        CrashPoint.reach(.orderReleaseSealed)
        try book.add(letter, by: asked.actor.owner, in: record.number)
        CrashPoint.reach(.orderReleaseStored)
        return letter.signed.cid
    }

    private func release(
        _ record: OrderRecord, _ asked: Asked, _ evidence: ReleaseEvidence, _ post: PartPost
    ) throws -> OpenedPart {
        let secret = try secrets.need(record)
        let request = RedemptionRequest(
            fiduciary: asked.own.recipientKey, sealed: secret.blob, order: record.cid,
            redemption: SignedBlock(asked.signed.block), approvals: evidence.approvals.map { SignedBlock($0.block) },
            documents: evidence.documents, received: evidence.received)
        let made =
            try secret.object == nil
            ? post.custodian.ask(Release(request)) : post.custodian.ask(SignForOrder(request))
        let envelope = try explaining("dtad-hsm answered no envelope") { try Envelope(encoded: made) }
        return try post.sign(envelope, nil, from: asked.actor)
    }

    /// Releases what a plugin keeps: this makes the checks that dtad-hsm makes for other orders.
    private func release(
        _ record: OrderRecord, _ asked: Asked, _ evidence: ReleaseEvidence, _ post: PartPost,
        result: (SecretReference) throws -> [String: OrderFieldValue]
    ) throws -> OpenedPart {
        let now = clock.now
        let judge = OrderJudge(
            asked.order, cid: record.cid, thread: record.reference.thread, known: evidence.known)
        let verdict = try self.evidence.judging(record) {
            try judge.judge(
                asked.signed, asked.redemption, approvals: evidence.approvals, fiduciary: asked.own.cid,
                received: evidence.received, now: now)
        }
        let state = try secrets.openState(of: record, post.custodian)
        let release = try explaining("the plugin's answer cannot be released") {
            try OrderRelease(
                order: record.cid, terms: record.terms, use: asked.redemption.use, redemption: asked.signed.cid,
                received: evidence.received, released: now, approvals: verdict.approvals,
                result: OrderFields(result(state)))
        }
        let envelope = try explaining("the release cannot be sealed") {
            var encoded = try release.encoded()
            return try Secret(taking: &encoded).withBytes {
                try EnvelopeSealer.seal(
                    $0, content: OrderPartKind.release.contentType, from: asked.actor.cid, to: [verdict.recipient],
                    created: now, answering: asked.signed)
            }
        }
        return try post.sign(envelope, .release(release), from: asked.actor)
    }
}
