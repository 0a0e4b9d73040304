import AgentServer
import DTAOrders

/// Acts on orders.
extension Call {
    /// An act on an order, answered with its result. If an external plugin may be called, the act runs in that plugin's
    /// lane, and each call to the HSM goes to the slow lane by itself.
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

    /// Answered with the result for an order.
    func done(_ answer: OrderAnswer) -> Step { noting(answer).done { $0.set(answer) } }

    /// Adds what is known only after the act: the order's reference, and the parts that answer the request, by the
    /// kinds and CIDs of `order show` and `order verify`.
    func noting(_ answer: OrderAnswer) -> Call {
        answer.parts.prefix(3).reduce(noting("order", answer.order.reference)) {
            $0.noting("part", "\($1.part.kind.rawValue):\($1.part.cid)")
        }
    }
}
