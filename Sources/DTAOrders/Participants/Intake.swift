import CustodyProtocol
import DTACore
import DTAEnvelopes
import DTAFormats
import DTALedger
import DTASystem
import GRDB
import Logging

/// Takes in parts that a courier brought.
struct Intake: Sendable {
    let orders: OrderLookup
    let book: OrderBook
    let office: PostOffice
    let views: OrderViews
    let checks: PreOpenChecks
    let plugins: PluginRegistry
    let refusals: RefusalMaker
    let fiduciary: Fiduciary
    let logger: Logger

    private var lookup: PartyLookup { book.lookup }
    private var envelopes: EnvelopeService { office.envelopes }

    /// How many parts that precede a part are taken in with it, if they were not before.
    private static let chainLimit = 256

    /// Takes in a part whose envelope is in the ledger, after the parts that it follows, if they are there as well and
    /// were not taken in yet. Any user may bring it: its signature says who sent it. What the rules of this host allow
    /// is done at once.
    func receive(_ caller: Caller, _ subject: String) throws -> OrderAct {
        let owner = try Owner(of: caller)
        let chain = try chain(to: try LedgerService.cid(subject))
        let known = chain.dropLast().filter { $0.kind != .order || $0.reader != nil }
        return taking(known + chain.suffix(1), for: caller, owner)
    }

    /// Takes in one part after the other. The type of an order may be known only after a part was opened.
    private func taking(_ chain: [IncomingPart], for caller: Caller, _ owner: Owner) -> OrderAct {
        OrderAct(nil) { custodian -> OrderAct.Outcome in
            let post = office.post(custodian)
            for (index, coming) in chain.enumerated() {
                let rest = Array(chain.dropFirst(index + 1))
                do {
                    let (letter, number) = try admit(coming, owner, post)
                    if let program = try plugins.program(book.order(number), lookup) {
                        return .more(taking(in: letter, number, then: rest, for: caller, owner, asking: program))
                    }
                    let parts = try take(in: letter, number, post)
                    if rest.isEmpty { return .done(try views.answer(caller, number, parts)) }
                } catch let error as DTAError where Intake.isPassedOver(error, before: rest) {}
            }
            throw DTAError(.internal, "a part is gone")
        }
    }

    /// The same for a part whose order has a program as its plugin, and for the parts after it.
    private func taking(
        in letter: OpenedPart, _ number: Int64, then rest: [IncomingPart], for caller: Caller, _ owner: Owner,
        asking program: String
    ) -> OrderAct {
        OrderAct(program) { custodian -> OrderAct.Outcome in
            let post = office.post(custodian)
            do {
                let parts = try take(in: letter, number, post)
                if rest.isEmpty { return .done(try views.answer(caller, number, parts)) }
            } catch let error as DTAError where Intake.isPassedOver(error, before: rest) {}
            return .more(taking(rest, for: caller, owner))
        }
    }

    /// Whether to go on after a part that failed: its failure is on record, and the later parts are judged by that.
    private static func isPassedOver(_ error: DTAError, before rest: [IncomingPart]) -> Bool {
        !rest.isEmpty && !error.code.mayPass
    }

    /// A part, and the earlier parts that are not on record here; the oldest first.
    private func chain(to cid: CID) throws -> [IncomingPart] {
        var chain: [IncomingPart] = []
        var next: CID? = cid
        while let cid = next, chain.count < Intake.chainLimit {
            let signed = try envelopes.verified(cid)
            let kind = try OrderPartKind(of: signed)
            chain.append(
                IncomingPart(
                    signed: signed, kind: kind, standing: try envelopes.standingAtReceipt(signed),
                    reader: try lookup.reader(of: signed, as: nil)))
            next = kind == .order ? nil : signed.envelope.header.previous
            if let previous = next, try book.store.read({ try OrderPartTable.find(previous, in: $0) }) != nil {
                next = nil
            }
        }
        return chain.reversed()
    }

    /// Opens a part, and finds or begins its order.
    private func admit(
        _ coming: IncomingPart, _ owner: Owner, _ post: PartPost
    ) throws -> (letter: OpenedPart, number: Int64) {
        let place = try orders.place(of: coming)
        if let (number, refusal) = try checks.refusal(of: coming, at: place) {
            try book.recordRefusal(of: coming, in: number, refusal)
            throw refusal.error
        }
        var letter = try post.open(coming.signed, coming.kind, standing: coming.standing, as: coming.reader)
        letter.wipeResult()
        let number: Int64
        switch place {
        case .known(let known), .taken(let known): number = known
        case .first: number = try begin(letter, owner)
        case .second(let first): number = try begin(first, letter, owner)
        }
        CrashPoint.reach(.orderReceiveAdmitted)
        return (letter, number)
    }

    // MARK: New orders

    private func begin(_ letter: OpenedPart, _ owner: Owner) throws -> Int64 {
        guard case .order(let order)? = letter.part else {
            throw DTAError(.permissionDenied, "the order \(letter.signed.cid) is sealed to others")
        }
        guard letter.from == order.terms.principal else {
            throw DTAError(
                .permissionDenied,
                "the order \(letter.signed.cid) names \(order.terms.principal) as its principal, and is from \(letter.from)"
            )
        }
        guard letter.standing == Standing.current.name else {
            throw DTAError(
                .permissionDenied,
                "the order \(letter.signed.cid) is from an identity that was known here as \(letter.standing) when it came"
            )
        }
        return try book.begin(letter, order, broughtBy: owner)
    }

    /// Begins an order if only others can read its part 1: part 2 tells its terms.
    private func begin(_ first: SignedEnvelope, _ letter: OpenedPart, _ owner: Owner) throws -> Int64 {
        let to = try explaining("part 1 cannot be read") { try first.envelope.recipients(book.blocks.bytes) }
        return try book.begin(first, sealedTo: to, letter, broughtBy: owner)
    }

    // MARK: Known orders

    /// Judges a part of a known order, and does what follows.
    /// - Returns: the parts that answer it.
    private func take(in letter: OpenedPart, _ number: Int64, _ post: PartPost) throws -> [CID] {
        if letter.kind == .order {
            let record = try book.order(number)
            let made = try lookup.isFiduciaryHere(record.terms) ? fiduciary.take(up: number, letter, post) : []
            return try book.answers(to: letter.signed.cid) + made
        }
        // A redemption to which nothing can be released must not keep a new one from being judged.
        let freed = try letter.kind == .redemption ? refusals.refuseUnanswerable(number, post).map { [$0] } ?? [] : []
        let byPlugin = try fiduciary.refusal(of: letter, number, post)
        switch try book.store.write({ try book.enter(letter, in: number, refusal: byPlugin, $0) }) {
        case .accepted(let record): book.journal.write(.came, letter.signed, letter.kind, record)
        case .repeated: break
        case .evidence(let record):
            logger.error(
                "an order is frozen: its fiduciary, or somebody with its key, contradicted what it said before",
                metadata: ["order": "\(record.cid)", "why": "\(record.reason)"])
            return []
        case .refused(let reason, let record):
            let before = try book.answers(to: letter, in: number)
            if !before.isEmpty { return freed + before }
            // It may be refused only because the part that it follows is not here any more.
            guard record.restored == nil else { throw reason.error }
            // Without a row nothing is signed: the sender may have too many refused parts on record.
            guard try book.isOnRecord(letter) else {
                throw reason.error
            }
            book.journal.write(.refused, letter.signed, letter.kind, record, reason.reason)
            guard let refusal = try refusals.refuse(letter, record, reason, post) else { throw reason.error }
            return freed + [refusal]
        }
        CrashPoint.reach(.orderReceiveApplied)
        let made = try fiduciary.advance(number, post)
        var parts = try book.answers(to: letter, in: number)
        // An approval is answered by the release that it allowed.
        if letter.kind == .approval, let redemption = letter.previous { parts += try book.answers(to: redemption) }
        return freed + parts + made
    }
}

extension ErrorCode {
    /// Whether the same request may succeed later.
    fileprivate var mayPass: Bool { [.unavailable, .resourceExhausted, .internal].contains(self) }
}
