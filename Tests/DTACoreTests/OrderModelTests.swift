import DTAFormats
import TestSupport
import Testing

@testable import DTAOrders

/// The state machine beside `OrderModel`, which knows nothing of it: whatever is said in whatever order, both agree on what
/// is accepted and on what the order is then.
@Suite("The order of parts, beside a model of its own")
struct OrderModelTests {
    private typealias Message = OrderModel.Message

    /// Both of them, after the same messages.
    private struct Pair {
        var progress: OrderProgress
        var model: OrderModel

        init(maxUses: Int, isFiduciary: Bool) {
            let order = OrderModelTests.name("order")
            progress = OrderProgress(order: order, maxUses: maxUses)
            model = OrderModel(order: order, maxUses: maxUses, isFiduciary: isFiduciary)
        }

        /// Says a message to both.
        /// - Returns: what they do not agree on; nil where they do.
        mutating func say(_ message: Message) -> String? {
            var step = OrderStep(kind: message.kind, cid: message.cid, previous: message.previous, use: message.use)
            step.isFiduciaryHere = model.isFiduciary
            step.isMadeHere = model.isFiduciary && message.isMadeHere
            step.redemptionFollowed = message.previous.flatMap { model.brought[$0] }
            if message.kind == .refusal, !model.isFiduciary, message.previous == model.open { step.rival = model.next }
            let objections = model.objections(to: message)
            let isEvidence = model.isEvidence(message)
            let winner = model.open
            let verdict = OrderTransition.judge(progress, step)
            model.hear(message)
            switch verdict {
            case .refused(let denial):
                guard objections.contains(denial.code) else {
                    return "refused as \(denial.code), and the model objects \(objections)"
                }
                if denial.code == .taken, denial.winner != winner { return "it names the wrong winner" }
                return nil
            case .accepted(let next):
                guard objections.isEmpty, !isEvidence else {
                    return "accepted, and the model objects \(objections), evidence \(isEvidence)"
                }
                progress = next
            case .evidence(let next, _):
                guard objections.isEmpty, isEvidence else {
                    return "kept as evidence, and the model objects \(objections), evidence \(isEvidence)"
                }
                progress = next
            }
            return difference
        }

        private var difference: String? {
            if progress.state != model.state { return "it is \(progress.state), and by the model \(model.state)" }
            if progress.uses != model.uses { return "\(progress.uses) uses, and by the model \(model.uses)" }
            if progress.commitment != model.commitment { return "another commitment counts" }
            if progress.deposit != model.deposit { return "another deposit counts" }
            if progress.head != model.head { return "the next redemption is to follow something else" }
            // Whether somebody still asks matters nowhere else.
            if model.state == .requested, progress.open != model.open { return "another redemption is open" }
            return nil
        }
    }

    private static func name(_ text: String) -> CID { CID(hashing: Array(text.utf8), codec: .dagCBOR) }

    private static func message(
        _ kind: OrderPartKind, _ text: String, _ previous: String?, _ use: Int? = nil, isMadeHere: Bool = true
    ) -> Message {
        Message(
            kind: kind,
            name: "\(kind) \(text) behind \(previous ?? "nothing")" + (use.map { ", use \($0)" } ?? "")
                + (isMadeHere ? "" : ", brought"),
            cid: name(text), previous: previous.map(name), use: use, isMadeHere: isMadeHere)
    }

    /// All that can be said in an order of two uses by two who may redeem it: what belongs there, and of each kind what does
    /// not.
    private static let everything: [Message] = [
        message(.order, "order again", nil),
        message(.commitment, "2", "order"), message(.commitment, "2 again", "order"),
        message(.commitment, "2 astray", "x"),
        message(.deposit, "deposit", "2"), message(.deposit, "deposit again", "2"), message(.deposit, "early", "order"),
        message(.redemption, "3/1", "2", 1), message(.redemption, "3/1 rival", "2", 1),
        message(.redemption, "3/2", "4/1", 2), message(.redemption, "3/2 rival", "4/1 rival", 2),
        message(.redemption, "3 of the wrong use", "2", 2),
        message(.approval, "yes to 1", "3/1", 1), message(.approval, "yes to the rival", "3/1 rival", 1),
        message(.approval, "yes to 2", "3/2", 2), message(.approval, "yes to the wrong use", "3/1", 2),
        message(.release, "4/1", "3/1", 1), message(.release, "4/1 again", "3/1", 1),
        message(.release, "4/1 rival", "3/1 rival", 1), message(.release, "4/2", "3/2", 2),
        message(.release, "4/2 rival", "3/2 rival", 2), message(.release, "4 of the wrong use", "3/1", 2),
        message(.release, "4 astray", "x", 1),
        message(.refusal, "no to it all", "order"), message(.refusal, "no to 1", "3/1"),
        message(.refusal, "no to the rival", "3/1 rival"), message(.refusal, "no to 2", "3/2"),
        message(.refusal, "no to whom", "x"),
        message(.destruction, "gone", "2"), message(.destruction, "gone before it was", "order"),
        message(.destruction, "gone astray", "x"),
        message(.destruction, "gone, somebody brings", "2", isMadeHere: false),
        message(.destruction, "gone before it was, somebody brings", "order", isMadeHere: false),
    ]

    /// Where two histories lead to the same.
    private struct Place: Hashable {
        let progress: OrderProgress
        let said: Set<Message>
        let brought: [CID: CID]

        init(_ pair: Pair) {
            progress = pair.progress
            said = Set(pair.model.said)
            brought = pair.model.brought
        }
    }

    @Test(
        "the order of parts agrees with a model of its own on every message in every situation that any messages in any order lead to",
        arguments: [true, false])
    func exhaustively(isFiduciary: Bool) {
        var seen: Set<Place> = []
        var states: Set<OrderState> = []
        var waiting: [(pair: Pair, path: [Message])] = [(Pair(maxUses: 2, isFiduciary: isFiduciary), [])]
        seen.insert(Place(waiting[0].pair))
        var (tried, failures) = (0, 0)
        while let (pair, path) = waiting.popLast(), failures < 10 {
            states.insert(pair.model.state)
            // What came before comes to the same again before it gets here: OrderTable.apply.
            for message in Self.everything where !pair.model.said.contains(message) {
                var next = pair
                tried += 1
                if let difference = next.say(message) {
                    failures += 1
                    Issue.record("\((path + [message]).map(\.name).joined(separator: "; ")): \(difference)")
                } else if seen.insert(Place(next)).inserted {
                    waiting.append((next, path + [message]))
                }
            }
        }
        // Nothing was left out by mistake: all states came up, and many situations.
        #expect(states == Set(OrderState.allCases))
        #expect(seen.count > 500 && tried > seen.count * 20, "\(seen.count) situations, \(tried) messages")
    }

    @Test(
        "the order of parts agrees with a model of its own along random histories, with messages that follow anything and claim any use"
    )
    func atRandom() {
        var random = SeededGenerator()
        for walk in 0..<600 {
            var pair = Pair(maxUses: .random(in: 1...4, using: &random), isFiduciary: .random(using: &random))
            var known = ["order", "x"]
            var path: [Message] = []
            for number in 0..<40 {
                let kind = OrderPartKind.allCases.randomElement(using: &random) ?? .order
                // Mostly what was said last is answered, or else histories would end early.
                let previous =
                    Bool.random(using: &random)
                    ? known.suffix(3).randomElement(using: &random)
                    : known
                        .randomElement(using: &random)
                // Only the fiduciary reads every use.
                let isRead = pair.model.isFiduciary || Bool.random(using: &random)
                let use = pair.model.uses + (Int.random(in: 0..<8, using: &random) == 0 ? 2 : 1)
                let message = Self.message(
                    kind, "\(number)", Int.random(in: 0..<20, using: &random) == 0 ? nil : previous,
                    [.redemption, .approval, .release].contains(kind) && isRead ? use : nil,
                    isMadeHere: kind != .destruction || Bool.random(using: &random))
                path.append(message)
                known.append("\(number)")
                if let difference = pair.say(message) {
                    Issue.record(
                        "seed \(random.seed), walk \(walk): \(path.map(\.name).joined(separator: "; ")): \(difference)")
                    return
                }
            }
        }
    }
}
