import AgentProtocol
import DTACourier
import DTAFormats
import DTASystem

/// Checks what the fiduciary can do, before the person is asked.
extension AgentOrder {
    /// - Throws: `Failure` if the caller cannot act as the fiduciary.
    func requireFiduciary(_ parties: Parties) throws {
        guard !has(.fiduciary) else { return }
        throw Failure.failed(
            .permissionDenied,
            "the order \(reference) is kept by \(parties.name(fiduciary)), for which this user cannot act on this host",
            hint: parties.isOwn(fiduciary)
                ? "an administrator can grant fulfil on it under grants: in dtad.yaml" : "its own host fulfils it")
    }

    /// Whether an open redemption can only be refused, as far as the agent tells.
    private var canOnlyBeRefused: Bool {
        self.is(.requested) && [.refuse, .expired].contains(knownStep)
    }

    /// The next decision.
    var nextDecision: FiduciaryDecision {
        self.is(.ordered) ? .commit : canOnlyBeRefused ? .refuse : .release
    }

    /// - Throws: `Failure` if the agent would refuse.
    func requirePossible(_ decision: FiduciaryDecision) throws {
        switch decision {
        // A repeated decision gets the same answer again.
        case .commit where !self.is(.ordered) && commitment.isEmpty:
            throw Failure.failed(.failedPrecondition, "nothing can be committed to: the order \(reference) is \(state)")
        case .refuse where !self.is(.ordered, .requested, .refused):
            throw Failure.failed(
                .failedPrecondition, "nothing of order \(reference) can be refused now: it is \(state)")
        case .release where canOnlyBeRefused:
            throw Failure.failed(
                .failedPrecondition,
                "nothing can be released to this redemption any more: \(whyNotReleased)",
                hint: "dtactl order fulfil \(shortReference) refuses it")
        case .commit, .release, .refuse, .resume: break
        }
    }
}

extension AgentResponse {
    /// The redemption that was released last: no other is open, and its answer can be repeated.
    /// - Throws: `Failure` if there is none.
    func answered(_ order: AgentOrder) throws -> String {
        guard let release = parts.last(.release), order.is(.released, .exhausted) else {
            throw Failure.failed(
                .failedPrecondition, "no redemption of this order is open: it is \(order.state)",
                hint: "dtactl order receive brings what others made")
        }
        return release.previous
    }
}
