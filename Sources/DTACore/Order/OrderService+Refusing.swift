import CustodyProtocol
import DTAFormats
import DTAPlugins
import DTASystem
import GRDB

/// The fiduciary's no, which it signs.
extension OrderService {
    /// By hand: the order, or the open redemption.
    func refuse(_ record: OrderRecord, reason: String, _ custodian: any Custodian) throws -> CID {
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
        // Who lost his line to another has no right to an answer any more, and yet what he asked for is closed.
        guard let actor, asker != nil || denial.code == .replaced else { return nil }
        let use = letter.kind == .order ? 0 : record.progress.uses + 1
        let refusal = try explaining("the refusal cannot be made") {
            try OrderRefusal(
                order: record.cid, terms: record.terms, use: min(use, record.terms.maxUses), refused: letter.signed.cid,
                code: denial.code.rawValue, reason: OrderService.line(denial.reason, atMost: OrderRefusal.reasonLimit),
                winner: denial.winner)
        }
        // The principal made the terms, and is told when somebody was turned away under them.
        let answer = try seal(
            .refusal(refusal), from: actor, to: (asker.map { [$0] } ?? []) + [record.terms.principal],
            answering: letter.signed, custodian)
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
        // What comes again has its answer, and the plugin may be away by now.
        let isJudged = try store.read { database in
            guard let known = try OrderPartTable.find(innerHash: letter.signed.innerHash, in: database) else {
                return false
            }
            guard known.status == .refused else { return true }
            return try OrderPartTable.answers(to: known.cid, in: database).contains { $0.kind == .refusal }
        }
        guard !isJudged else { return nil }
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
