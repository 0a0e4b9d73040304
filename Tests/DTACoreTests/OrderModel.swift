import DTAFormats

@testable import DTAOrders

/// The rules of an order as docs/orders.md has them, written down a second time and in another way, to judge
/// `OrderTransition` by. That one keeps a few fields and goes from state to state. This one keeps nothing but the list of
/// what was said so far, and reads everything off that list.
struct OrderModel: Hashable {
    /// Something that somebody brings.
    struct Message: Hashable, CustomStringConvertible {
        let kind: OrderPartKind
        /// For people.
        let name: String
        let cid: CID
        let previous: CID?
        /// Nil where it cannot be read.
        var use: Int?
        /// Of the fiduciary's own receipt, at the fiduciary: whether it says so now, or somebody brings what it is said to
        /// have said.
        var isMadeHere = true

        var description: String { name }
    }

    let order: CID
    let maxUses: Int
    /// At the fiduciary, who decides; or at anybody else's, who hears of it.
    let isFiduciary: Bool
    /// What changed something, the oldest first.
    private(set) var said: [Message] = []
    /// What each redemption that was ever brought follows, whatever became of it.
    private(set) var brought: [CID: CID] = [:]

    init(order: CID, maxUses: Int, isFiduciary: Bool) {
        self.order = order
        self.maxUses = maxUses
        self.isFiduciary = isFiduciary
    }

    private func all(_ kind: OrderPartKind) -> [Message] { said.filter { $0.kind == kind } }

    // MARK: What the list says

    /// The first commitment is the one.
    var commitment: CID? { all(.commitment).first?.cid }
    /// What was promised twice was not promised. Nor is anything sure where a receipt comes that the fiduciary does not know.
    var isFrozen: Bool { all(.commitment).count > 1 || said.contains(where: isBrought) }
    var isRefused: Bool { all(.refusal).contains { $0.previous == order } }
    var isDestroyed: Bool { all(.destruction).contains { !isBrought($0) } }
    var deposit: CID? { all(.deposit).first?.cid }
    var uses: Int { all(.release).count }
    var isUsedUp: Bool { uses == maxUses }
    /// The last word of the fiduciary's, which the next redemption answers.
    var head: CID? { all(.release).last?.cid ?? commitment }

    /// Who asks for the next use and was not answered, in their order; and who of them has the floor: who asked while nobody
    /// else did, and when he is refused, whoever asked last. At the fiduciary there is never more than one.
    private var asking: (all: [CID], open: CID?) {
        said.reduce(into: (all: [], open: nil)) { asking, message in
            switch message.kind {
            case .redemption:
                asking.all.append(message.cid)
                asking.open = asking.open ?? message.cid
            case .release: asking = (all: [], open: nil)
            case .refusal:
                asking.all.removeAll { $0 == message.previous }
                if asking.open == message.previous { asking.open = asking.all.last }
            default: break
            }
        }
    }

    var open: CID? { asking.open }

    /// Who has the floor next, where the one who has it is refused.
    var next: CID? { asking.all.last { $0 != asking.open } }

    var state: OrderState {
        if isDestroyed { return .destroyed }
        if isFrozen { return .frozen }
        if isRefused { return .refused }
        if isUsedUp { return .exhausted }
        if open != nil { return .requested }
        if uses > 0 { return .released }
        return commitment == nil ? .ordered : .committed
    }

    /// Whether it is a receipt of the fiduciary's own, from outside.
    private func isBrought(_ message: Message) -> Bool {
        isFiduciary && message.kind == .destruction && !message.isMadeHere
    }

    // MARK: What may be said

    /// The redemptions of the next use that an approval or a release may be about.
    private func mayBeMeant(_ redemption: CID?) -> Bool {
        guard let redemption else { return false }
        // The fiduciary knows who has the floor. Elsewhere messages come in any order, and a release tells who had it.
        return isFiduciary ? redemption == open : head != nil && brought[redemption] == head
    }

    private func isOfNextUse(_ message: Message) -> Bool { message.use.map { $0 == uses + 1 } ?? true }

    private func isHistory(_ message: Message) -> Bool {
        guard message.kind == .approval, let redemption = message.previous else { return false }
        return !isFiduciary && state != .frozen && brought[redemption] != nil
    }

    /// Every rule that a message breaks, as a refusal may name it; it is accepted where there is none.
    func objections(to message: Message) -> Set<Refusal.Code> {
        var broken: Set<Refusal.Code> = []
        func rule(_ holds: Bool, _ codes: Refusal.Code...) { if !holds { broken.formUnion(codes) } }
        // What was consented to elsewhere is history, and what was deposited is for whoever gets the release: both may be
        // told after the order is over.
        if isHistory(message) {
            if state == .requested, mayBeMeant(message.previous) { rule(isOfNextUse(message), .mismatch) }
            return broken
        }
        let isAboutUse = [.redemption, .approval, .release].contains(message.kind)
        if isAboutUse || message.kind == .deposit {
            let isTooLate = isFiduciary || message.kind != .deposit
            rule(!isTooLate || !isDestroyed, .destroyed)
            rule(!isFrozen || isDestroyed, .frozen)
            rule(!isRefused, .refused)
            rule(!isTooLate || !isUsedUp, .exhausted)
            rule(commitment != nil, .outOfOrder)
        }
        if isAboutUse { rule(isOfNextUse(message), .mismatch) }
        switch message.kind {
        case .order: rule(false, .outOfOrder)
        case .commitment:
            rule(message.previous == order, .fork)
            rule(!isRefused || isFrozen && !isDestroyed, .refused)
            rule(!isDestroyed || commitment != nil, .destroyed)
        case .deposit:
            rule(message.previous == commitment, .fork)
            rule(deposit == nil, .fork)
        case .redemption:
            rule(message.previous == head, .fork)
            rule(!isFiduciary || open == nil, .taken)
        case .approval:
            rule(open != nil, .outOfOrder)
            rule(mayBeMeant(message.previous), .fork)
        case .release: rule(mayBeMeant(message.previous), open == nil ? .outOfOrder : .fork)
        case .refusal:
            let isOfOrder = message.previous == order
            rule(!isOfOrder || state == .ordered, .outOfOrder)
            rule(isOfOrder || message.previous.map { brought[$0] != nil } ?? false, .outOfOrder)
        case .destruction: rule(message.previous == commitment ?? order, .fork)
        }
        return broken
    }

    /// Whether a message that is accepted proves that somebody broke his word.
    func isEvidence(_ message: Message) -> Bool {
        switch message.kind {
        case .commitment: commitment != nil || isFrozen
        case .destruction: isBrought(message) && !isDestroyed
        default: false
        }
    }

    private func waits(_ redemption: CID?) -> Bool { state == .requested && asking.all.contains { $0 == redemption } }

    /// Takes note of a message, accepted or not.
    mutating func hear(_ message: Message) {
        let isAccepted = objections(to: message).isEmpty
        if message.kind == .redemption, let previous = message.previous { brought[message.cid] = previous }
        guard isAccepted else { return }
        switch message.kind {
        // Consent changes nothing about what may be said next.
        case .approval: break
        // Neither does a no to what nobody waits for any more.
        case .refusal where message.previous != order && !waits(message.previous): break
        case .destruction where isDestroyed: break
        // Nor does more of what froze it.
        case .commitment where isFrozen, .destruction where isFrozen && isBrought(message): break
        default: said.append(message)
        }
    }
}
