import AgentServer
import DTAOrders

/// Acts on orders.
extension Call {
    /// An act on an order, answered with what came of it. If a plugin that is a program may be asked, it is done where one
    /// waits for that program, and each call to the HSM goes to the slow lane by itself.
    func ordering(_ act: OrderAct) -> Step {
        guard let program = act.program else { return slow { ordering(try act.begin($0)) } }
        return consulting(program) { ordering(try act.begin(parts.custodian)) }
    }

    private func ordering(_ outcome: OrderAct.Outcome) -> Step {
        switch outcome {
        case .done(let answer): done(answer)
        case .more(let act): ordering(act)
        }
    }

    /// Answered with what came of an order.
    func done(_ answer: OrderAnswer) -> Step { noting(answer).done { $0.set(answer) } }

    /// With what is known of an order only when it is done: its reference, and the parts that answer the request, by the
    /// words and CIDs with which `order show` and `order verify` tell of them.
    func noting(_ answer: OrderAnswer) -> Call {
        answer.parts.prefix(3).reduce(noting("order", answer.order.reference)) {
            $0.noting("part", "\($1.part.kind.rawValue):\($1.part.cid)")
        }
    }
}
