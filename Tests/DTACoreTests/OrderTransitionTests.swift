import DTAFormats
import Testing

@testable import DTAOrders

/// The state machine, every part in every state, against a model that is written as a table.
@Suite("The order of parts")
struct OrderTransitionTests {
    /// What the model says of a part.
    private enum Expected: Equatable {
        case to(OrderState)
        /// Kept, and frozen by it, or destroyed as before.
        case evidence(OrderState)
        case no(Refusal.Code)
    }

    private static func name(_ text: String) -> CID { CID(hashing: Array(text.utf8), codec: .dagCBOR) }

    /// An order of three uses of which one was released, or none where the state does not allow it.
    private static func progress(_ state: OrderState, maxUses: Int = 3) -> OrderProgress {
        var progress = OrderProgress(order: name("1"), maxUses: maxUses)
        progress.state = state
        switch state {
        case .ordered, .refused: break
        case .committed, .frozen, .destroyed:
            progress.commitment = name("2")
            progress.head = name("2")
        case .requested:
            progress.commitment = name("2")
            progress.head = name("4/1")
            progress.uses = 1
            progress.open = name("3/2")
        case .released:
            progress.commitment = name("2")
            progress.head = name("4/1")
            progress.uses = 1
        case .exhausted:
            progress.commitment = name("2")
            progress.head = name("4/3")
            progress.uses = maxUses
        }
        return progress
    }

    /// A part of a kind that follows what it should follow in a state, if anything can.
    private static func step(_ kind: OrderPartKind, _ progress: OrderProgress, isFiduciaryHere: Bool) -> OrderStep {
        let previous: CID? =
            switch kind {
            case .order: nil
            case .commitment: progress.order
            case .deposit: progress.commitment ?? progress.order
            case .redemption: progress.head ?? progress.order
            case .approval, .release, .refusal: progress.open ?? progress.order
            case .destruction: progress.commitment ?? progress.order
            }
        var step = OrderStep(kind: kind, cid: name("new"), previous: previous)
        step.isFiduciaryHere = isFiduciaryHere
        step.isMadeHere = isFiduciaryHere
        if [.redemption, .approval, .release].contains(kind) { step.use = progress.uses + 1 }
        return step
    }

    // The rows are parts, the columns states in the order of OrderState.
    private static let model: [(OrderPartKind, [Expected])] = [
        (.order, Array(repeating: .no(.outOfOrder), count: 8)),
        (
            .commitment,
            [
                .to(.committed), .evidence(.frozen), .evidence(.frozen), .evidence(.frozen), .evidence(.frozen),
                .no(.refused), .evidence(.frozen), .evidence(.destroyed),
            ]
        ),
        (
            .deposit,
            [
                .no(.outOfOrder), .to(.committed), .to(.requested), .to(.released), .no(.exhausted), .no(.refused),
                .no(.frozen), .no(.destroyed),
            ]
        ),
        (
            .redemption,
            [
                .no(.outOfOrder), .to(.requested), .no(.taken), .to(.requested), .no(.exhausted), .no(.refused),
                .no(.frozen), .no(.destroyed),
            ]
        ),
        (
            .approval,
            [
                .no(.outOfOrder), .no(.outOfOrder), .to(.requested), .no(.outOfOrder), .no(.exhausted), .no(.refused),
                .no(.frozen), .no(.destroyed),
            ]
        ),
        (
            .release,
            [
                .no(.outOfOrder), .no(.outOfOrder), .to(.released), .no(.outOfOrder), .no(.exhausted), .no(.refused),
                .no(.frozen), .no(.destroyed),
            ]
        ),
        (
            .refusal,
            [
                .to(.refused), .no(.outOfOrder), .to(.released), .no(.outOfOrder), .no(.outOfOrder), .no(.outOfOrder),
                .no(.outOfOrder), .no(.outOfOrder),
            ]
        ),
        (.destruction, Array(repeating: .to(.destroyed), count: 8)),
    ]

    private func outcome(_ verdict: OrderVerdict) -> Expected {
        switch verdict {
        case .accepted(let progress): .to(progress.state)
        case .evidence(let progress, _): .evidence(progress.state)
        case .refused(let denial): .no(denial.code)
        }
    }

    @Test("the order of parts is what the model says, for every part in every state")
    func everyPartInEveryState() {
        #expect(Self.model.map(\.0) == OrderPartKind.allCases)
        for (kind, row) in Self.model {
            for (state, expected) in zip(OrderState.allCases, row) {
                let progress = Self.progress(state)
                let verdict = OrderTransition.judge(progress, Self.step(kind, progress, isFiduciaryHere: true))
                #expect(outcome(verdict) == expected, "\(kind) in \(state)")
            }
        }
    }

    @Test(
        "the order of parts never ends by a receipt of the fiduciary's own that it did not make now: that freezes it, in every state"
    )
    func broughtReceipt() {
        for state in OrderState.allCases {
            let progress = Self.progress(state)
            var step = Self.step(.destruction, progress, isFiduciaryHere: true)
            step.isMadeHere = false
            let verdict = OrderTransition.judge(progress, step)
            guard state != .destroyed else {
                #expect(verdict == .accepted(progress), "it changes nothing any more")
                continue
            }
            guard case .evidence(let next, let reason) = verdict else {
                Issue.record("\(state): \(verdict)")
                continue
            }
            #expect(next.state == .frozen && next.open == nil, "\(state)")
            #expect(reason.contains("was not made here"))
            #expect(next.uses == progress.uses && next.head == progress.head && next.commitment == progress.commitment)
            // What it freezes somebody can end.
            let made = Self.step(.destruction, next, isFiduciaryHere: true)
            #expect(outcome(OrderTransition.judge(next, made)) == .to(.destroyed))
            step = OrderStep(kind: .destruction, cid: Self.name("new"), previous: Self.name("astray"))
            step.isFiduciaryHere = true
            #expect(outcome(OrderTransition.judge(progress, step)) == .no(.fork), "\(state)")
        }
    }

    @Test(
        "the order of parts elsewhere is the same, but that a second redemption is kept until the fiduciary's answer tells which won"
    )
    func elsewhere() {
        for (kind, row) in Self.model {
            for (state, expected) in zip(OrderState.allCases, row) {
                let progress = Self.progress(state)
                let verdict = OrderTransition.judge(progress, Self.step(kind, progress, isFiduciaryHere: false))
                let isRival = kind == .redemption && state == .requested
                // A deposit comes by another way than the release, and may come behind it.
                let isLate = kind == .deposit && [.exhausted, .destroyed].contains(state)
                let here: Expected = isRival || isLate ? .to(state) : expected
                #expect(outcome(verdict) == here, "\(kind) in \(state)")
            }
        }
    }

    @Test(
        "the order of parts elsewhere takes the release of a redemption of this use after another one was refused; the fiduciary does not"
    )
    func releaseOfTheOther() {
        for state in [OrderState.committed, .released] {
            let progress = Self.progress(state)
            var step = OrderStep(kind: .release, cid: Self.name("new"), previous: Self.name("3/other"))
            step.use = progress.uses + 1
            step.redemptionFollowed = progress.head
            #expect(outcome(OrderTransition.judge(progress, step)) == .to(.released))
            step.isFiduciaryHere = true
            #expect(outcome(OrderTransition.judge(progress, step)) == .no(.outOfOrder))
            step.isFiduciaryHere = false
            step.redemptionFollowed = Self.name("elsewhere")
            #expect(outcome(OrderTransition.judge(progress, step)) == .no(.outOfOrder))
        }
    }

    @Test("the order of parts refuses every part that follows something else than it has to", arguments: [true, false])
    func forks(isFiduciaryHere: Bool) {
        for kind in OrderPartKind.allCases {
            for state in OrderState.allCases {
                let progress = Self.progress(state)
                var step = Self.step(kind, progress, isFiduciaryHere: isFiduciaryHere)
                for previous in [nil, Self.name("other")] {
                    step = OrderStep(kind: kind, cid: step.cid, previous: previous, use: step.use)
                    guard case .refused = OrderTransition.judge(progress, step) else {
                        Issue.record("\(kind) in \(state) follows nothing that it may")
                        continue
                    }
                }
            }
        }
    }

    @Test("the order of parts refuses another use than the next")
    func uses() {
        for kind in [OrderPartKind.redemption, .approval, .release] {
            let progress = Self.progress(kind == .redemption ? .released : .requested)
            for use in [0, progress.uses, progress.uses + 2] {
                var step = Self.step(kind, progress, isFiduciaryHere: true)
                step.use = use
                #expect(outcome(OrderTransition.judge(progress, step)) == .no(.mismatch), "\(kind), use \(use)")
            }
        }
    }

    @Test("the order of parts ends with the last use")
    func lastUse() throws {
        var progress = Self.progress(.requested)
        progress.uses = progress.maxUses - 1
        let step = Self.step(.release, progress, isFiduciaryHere: true)
        guard case .accepted(let next) = OrderTransition.judge(progress, step) else { throw Failed() }
        #expect(next.state == .exhausted)
        #expect(next.uses == next.maxUses)
        #expect(next.open == nil)
        #expect(next.head == step.cid)
    }

    @Test("the order of parts takes one deposit")
    func oneDeposit() throws {
        let progress = Self.progress(.committed)
        guard
            case .accepted(let next) = OrderTransition.judge(
                progress, Self.step(.deposit, progress, isFiduciaryHere: true))
        else { throw Failed() }
        #expect(outcome(OrderTransition.judge(next, Self.step(.deposit, next, isFiduciaryHere: true))) == .no(.fork))
    }

    @Test("the order of parts names the redemption that won")
    func winner() throws {
        let progress = Self.progress(.requested)
        let verdict = OrderTransition.judge(progress, Self.step(.redemption, progress, isFiduciaryHere: true))
        guard case .refused(let denial) = verdict else { throw Failed() }
        #expect(denial.winner == progress.open)
    }

    @Test(
        "the order of parts elsewhere believes the fiduciary about which redemption won, and only among those of this use"
    )
    func rivals() throws {
        let progress = Self.progress(.requested)
        var step = OrderStep(kind: .release, cid: Self.name("new"), previous: Self.name("3/2 of another"), use: 2)
        #expect(outcome(OrderTransition.judge(progress, step)) == .no(.fork))
        step.redemptionFollowed = progress.commitment
        #expect(outcome(OrderTransition.judge(progress, step)) == .no(.fork), "it was for an earlier use")
        step.redemptionFollowed = progress.head
        #expect(outcome(OrderTransition.judge(progress, step)) == .to(.released))
        step.isFiduciaryHere = true
        #expect(outcome(OrderTransition.judge(progress, step)) == .no(.fork), "the fiduciary knows which one is open")
    }

    @Test(
        "the order of parts elsewhere leaves the other redemption open when one is refused, whichever was there first")
    func refusalOfOneOfTwo() throws {
        let progress = Self.progress(.requested)
        var step = Self.step(.refusal, progress, isFiduciaryHere: false)
        step.rival = Self.name("3/other")
        guard case .accepted(let next) = OrderTransition.judge(progress, step) else { throw Failed() }
        #expect(next.state == .requested)
        #expect(next.open == step.rival)
        step = OrderStep(kind: .refusal, cid: Self.name("new"), previous: Self.name("3/other"))
        step.redemptionFollowed = progress.head
        guard case .accepted(let same) = OrderTransition.judge(progress, step) else { throw Failed() }
        #expect(same == progress)
    }

    @Test("the order of parts lets the fiduciary answer a redemption that it took once, with a yes or with a no")
    func refusalBehindRelease() {
        let progress = Self.progress(.released)
        var step = OrderStep(kind: .refusal, cid: Self.name("new"), previous: Self.name("3/1"))
        step.redemptionFollowed = progress.commitment
        step.isFiduciaryHere = true
        step.redemptionAccepted = true
        #expect(outcome(OrderTransition.judge(progress, step)) == .no(.outOfOrder))
        step.redemptionAccepted = false
        #expect(OrderTransition.judge(progress, step) == .accepted(progress), "one that was never taken")
        step.isFiduciaryHere = false
        step.redemptionAccepted = true
        #expect(OrderTransition.judge(progress, step) == .accepted(progress), "elsewhere a loser waits for it")
    }

    @Test("the order of parts elsewhere keeps a second redemption only of the next use")
    func secondOfAnotherUse() {
        let progress = Self.progress(.requested)
        var step = Self.step(.redemption, progress, isFiduciaryHere: false)
        step.use = progress.uses + 2
        #expect(outcome(OrderTransition.judge(progress, step)) == .no(.mismatch))
    }

    private struct Failed: Error {}
}
