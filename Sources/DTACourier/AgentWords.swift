import AgentProtocol
import DTAFormats

// The words of the agent's answers as enums. Nil for a word that is newer than this client.

extension AgentOrder {
    public var knownState: OrderState? { OrderState(rawValue: state) }
    public var knownStep: NextOrderStep? { NextOrderStep(rawValue: nextStep.step) }
    public var isFiduciarysTurn: Bool { nextStep.by == OrderRole.fiduciary.rawValue }

    /// Whether the caller's identities are this in it.
    public func has(_ role: OrderRole) -> Bool { roles.contains(role.rawValue) }

    /// Whether it is in one of these states.
    public func `is`(_ states: OrderState...) -> Bool { knownState.map(states.contains) ?? false }
}

extension AgentOrderPart {
    public var knownKind: OrderPartKind? { OrderPartKind(rawValue: kind) }
    public var knownStatus: OrderPartStatus? { OrderPartStatus(rawValue: status) }
    public var isAccepted: Bool { knownStatus == .accepted }
}

extension [AgentOrderPart] {
    /// The last part of a kind that was accepted.
    /// - Parameter previous: the CID of the part that it answers; nil: any.
    public func last(_ kind: OrderPartKind, after previous: String? = nil) -> AgentOrderPart? {
        last { $0.knownKind == kind && $0.isAccepted && (previous ?? $0.previous) == $0.previous }
    }
}

extension AgentIdentity {
    public var knownStanding: Standing.Kind? { Standing.Kind(rawValue: standing) }
    public var knownTrust: Trust? { Trust(rawValue: trust) }
}

extension AgentPublication {
    public var knownState: PublicationState? { PublicationState(rawValue: state) }
}
