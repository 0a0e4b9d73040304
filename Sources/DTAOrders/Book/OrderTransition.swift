import DTAFormats

/// The state of an order: all that is needed to judge its next part.
struct OrderProgress: Sendable, Hashable {
    var state = OrderState.ordered
    /// How many uses were released.
    var uses = 0
    let maxUses: Int
    /// Part 1.
    let order: CID
    /// Part 2.
    var commitment: CID?
    /// The part that the next redemption follows: part 2, later the release of the last use.
    var head: CID?
    /// The redemption that the fiduciary took up.
    var open: CID?
    var deposit: CID?

    init(order: CID, maxUses: Int) {
        self.order = order
        self.maxUses = maxUses
    }

    /// The state to which an order returns when the open redemption was refused.
    fileprivate var stateWithoutRedemption: OrderState { uses == 0 ? .committed : .released }
}

/// A part, reduced to what its place in the chain depends on: sender, terms and signature are checked already.
struct OrderStep: Sendable {
    let kind: OrderPartKind
    let cid: CID
    /// The part that it answers.
    let previous: CID?
    /// What its plaintext says; nil if that cannot be read here.
    var use: Int?
    /// If it answers a redemption that is known here: the part that the redemption followed.
    var redemptionFollowed: CID?
    /// Whether that redemption was accepted here.
    var redemptionAccepted = false
    /// Whether this host keeps the secret. On other hosts the fiduciary's part 4 tells which redemption won.
    var isFiduciaryHere = false
    /// Whether this host makes it now. A part that it may have made before is not in the database, and came from
    /// outside.
    var isMadeHere = false
    /// If it refuses the open redemption: another redemption of the same use that is here and was not refused. The
    /// fiduciary has none.
    var rival: CID?
}

/// The verdict on a part.
enum OrderVerdict: Sendable, Hashable {
    case accepted(OrderProgress)
    /// It proves that the fiduciary, or somebody with its key, broke the rules, and is kept.
    case evidence(OrderProgress, String)
    case refused(Refusal)
}

/// The state machine of orders: which part may follow which, and what it changes. It is pure, so that tests can try
/// every part in every state.
enum OrderTransition {
    static func judge(_ progress: OrderProgress, _ step: OrderStep) -> OrderVerdict {
        switch step.kind {
        case .order: refused(.outOfOrder, "an order begins with its part 1, and has one of them")
        case .commitment: commitment(progress, step)
        case .deposit: deposit(progress, step)
        case .redemption: redemption(progress, step)
        case .approval: approval(progress, step)
        case .release: release(progress, step)
        case .refusal: refusal(progress, step)
        case .destruction: destruction(progress, step)
        }
    }

    private static func commitment(_ progress: OrderProgress, _ step: OrderStep) -> OrderVerdict {
        guard step.previous == progress.order else {
            return refused(.fork, "a commitment follows part 1 of its order")
        }
        var next = progress
        switch progress.state {
        case .ordered:
            next.state = .committed
            next.commitment = step.cid
            next.head = step.cid
            return .accepted(next)
        case .refused: return refused(.refused, "the fiduciary refused this order, and cannot commit itself to it then")
        case .destroyed where progress.commitment == nil:
            return refused(.destroyed, "the fiduciary destroyed this order before it committed itself")
        case .committed, .requested, .released, .exhausted, .frozen:
            next.state = .frozen
            return .evidence(next, twice)
        case .destroyed: return .evidence(next, twice)
        }
    }

    private static let twice = "the fiduciary committed itself to this order twice, and differently"

    private static func deposit(_ progress: OrderProgress, _ step: OrderStep) -> OrderVerdict {
        // On other hosts a deposit may come after the release: another courier may bring it. Without the deposit the
        // release is useless.
        let mayComeLater = !step.isFiduciaryHere && [.exhausted, .destroyed].contains(progress.state)
        if !mayComeLater, let refusal = standstill(progress) { return .refused(refusal) }
        guard let commitment = progress.commitment else {
            return refused(.outOfOrder, "nothing is deposited before the fiduciary committed itself")
        }
        guard step.previous == commitment else { return refused(.fork, "a deposit follows part 2 of its order") }
        guard progress.deposit == nil else {
            return refused(.fork, "something was deposited with this order already: another order takes another secret")
        }
        var next = progress
        next.deposit = step.cid
        return .accepted(next)
    }

    private static func redemption(_ progress: OrderProgress, _ step: OrderStep) -> OrderVerdict {
        if let refusal = standstill(progress) { return .refused(refusal) }
        switch progress.state {
        case .ordered: return refused(.outOfOrder, "nothing is redeemed before the fiduciary committed itself")
        case .requested where step.isFiduciaryHere:
            return .refused(
                Refusal(.taken, "another redemption of this use was there first", winner: progress.open))
        default: break
        }
        guard follows(progress, step) else { return refused(.fork, notFollowing(progress)) }
        if let use = step.use, use != progress.uses + 1 {
            return refused(.mismatch, "it asks for use \(use), and the next one is \(progress.uses + 1)")
        }
        // Other hosts keep both until the fiduciary's answer tells which was first.
        guard progress.state != .requested else { return .accepted(progress) }
        var next = progress
        next.state = .requested
        next.open = step.cid
        return .accepted(next)
    }

    private static func follows(_ progress: OrderProgress, _ step: OrderStep) -> Bool {
        progress.head != nil && step.previous == progress.head
    }

    private static func notFollowing(_ progress: OrderProgress) -> String {
        progress.uses == 0
            ? "the redemption of use 1 follows part 2 of its order"
            : "the redemption of use \(progress.uses + 1) follows the release of use \(progress.uses)"
    }

    private static func approval(_ progress: OrderProgress, _ step: OrderStep) -> OrderVerdict {
        // On other hosts an approval may come after the release that depends on it. It belongs to the record all the
        // same.
        if !step.isFiduciaryHere, progress.state != .frozen, let followed = step.redemptionFollowed,
            followed != progress.head || progress.state != .requested
        {
            return .accepted(progress)
        }
        if let refusal = standstill(progress) { return .refused(refusal) }
        guard progress.state == .requested else {
            return refused(.outOfOrder, "no redemption is open that could be approved")
        }
        guard let previous = step.previous, isOpen(previous, progress, step) else {
            return refused(.fork, "it is about another redemption than the one that is open")
        }
        if let use = step.use, use != progress.uses + 1 {
            return refused(.mismatch, "it approves use \(use), and use \(progress.uses + 1) is asked for")
        }
        return .accepted(progress)
    }

    private static func release(_ progress: OrderProgress, _ step: OrderStep) -> OrderVerdict {
        if let refusal = standstill(progress) { return .refused(refusal) }
        // On other hosts the open redemption may be refused already, and the release answer another one.
        let followsHead = step.redemptionFollowed != nil && step.redemptionFollowed == progress.head
        let mayComeLater = !step.isFiduciaryHere && followsHead && [.committed, .released].contains(progress.state)
        guard progress.state == .requested || mayComeLater else {
            return refused(.outOfOrder, "no redemption is open that could be released")
        }
        guard let previous = step.previous, isOpen(previous, progress, step) else {
            return refused(.fork, "it answers another redemption than the one that is open")
        }
        if let use = step.use, use != progress.uses + 1 {
            return refused(.mismatch, "it releases use \(use), and use \(progress.uses + 1) is asked for")
        }
        var next = progress
        next.uses += 1
        next.open = nil
        next.head = step.cid
        next.state = next.uses >= progress.maxUses ? .exhausted : .released
        return .accepted(next)
    }

    /// Whether a redemption is the open one, or could be, as far as this host can tell.
    private static func isOpen(_ redemption: CID, _ progress: OrderProgress, _ step: OrderStep) -> Bool {
        if redemption == progress.open { return true }
        guard !step.isFiduciaryHere, let followed = step.redemptionFollowed else { return false }
        return followed == progress.head
    }

    private static func refusal(_ progress: OrderProgress, _ step: OrderStep) -> OrderVerdict {
        var next = progress
        if step.previous == progress.order {
            guard progress.state == .ordered else {
                return refused(.outOfOrder, "the fiduciary cannot refuse an order any more that is \(progress.state)")
            }
            next.state = .refused
            return .accepted(next)
        }
        guard let previous = step.previous, previous == progress.open || step.redemptionFollowed != nil else {
            return refused(.outOfOrder, "it refuses something that is not known here")
        }
        guard previous == progress.open, progress.state == .requested else {
            // The fiduciary answers once what it took up: a redeemer that got a release must not get a refusal as well.
            guard !step.isFiduciaryHere || !step.redemptionAccepted else {
                return refused(.outOfOrder, "the redemption was answered already")
            }
            return .accepted(progress)
        }
        next.open = step.rival
        if step.rival == nil { next.state = progress.stateWithoutRedemption }
        return .accepted(next)
    }

    private static func destruction(_ progress: OrderProgress, _ step: OrderStep) -> OrderVerdict {
        guard step.previous == progress.commitment ?? progress.order else {
            return refused(.fork, "a destruction follows part 2 of its order, or part 1 if there is none")
        }
        var next = progress
        // Somebody who has the fiduciary's key, or an old receipt of it, must not be able to destroy the secret from
        // outside.
        if step.isFiduciaryHere, !step.isMadeHere, progress.state != .destroyed {
            next.state = .frozen
            next.open = nil
            return .evidence(next, brought)
        }
        next.state = .destroyed
        next.open = nil
        return .accepted(next)
    }

    /// The reason for a receipt in this host's name that came from outside.
    static let brought =
        "a receipt came that says its secret is destroyed: it is signed as this fiduciary, and was not made here"

    /// Why an order accepts nothing more.
    private static func standstill(_ progress: OrderProgress) -> Refusal? {
        switch progress.state {
        case .ordered, .committed, .requested, .released: nil
        case .exhausted: Refusal(.exhausted, "all \(progress.maxUses) uses of this order were released")
        case .refused: Refusal(.refused, "the fiduciary refused this order")
        case .frozen: Refusal(.frozen, "this order is frozen: the fiduciary contradicted itself")
        case .destroyed: Refusal(.destroyed, "the fiduciary destroyed the secret of this order")
        }
    }

    private static func refused(_ code: Refusal.Code, _ reason: String) -> OrderVerdict {
        .refused(Refusal(code, reason))
    }
}
