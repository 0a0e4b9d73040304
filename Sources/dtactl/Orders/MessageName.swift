import DTAFormats

/// By what people tell the messages of an order apart, wherever they are shown: `redemption 1`, the second request for
/// the same use as `redemption 1 (2)`, and what answers it as `refusal 1 (2)`.
enum MessageName {
    /// What a message is called. An approver's yes and no have the same kind, and only those can tell them apart who can
    /// open them: to others it is a decision.
    /// - Parameters: `kind`: as the protocol writes it; `decision`: approve or reject; "": not known here.
    static func kind(_ kind: String, decision: String) -> String {
        guard OrderPartKind(rawValue: kind) == .approval else { return kind }
        switch OrderApproval.Decision(rawValue: decision) {
        case .approve?: return "approval"
        case .reject?: return "rejection"
        case nil: return "decision"
        }
    }

    /// - Parameters: `kind`: as `kind` names it; `use`: 0: none.
    static func text(_ kind: String, use: Int, attempt: Int) -> String {
        guard use > 0 else { return kind }
        return "\(kind) \(use)" + (attempt > 1 ? " (\(attempt))" : "")
    }

    /// `refuses redemption 1 …sxzyqflu`; nil if it answers nothing worth telling.
    static func answer(_ kind: String, to answered: (kind: String, name: String, cid: String)?) -> String? {
        let verbs = [
            "approval": "approves", "rejection": "rejects", "decision": "answers", "release": "answers",
            "refusal": "refuses",
        ]
        guard let answered, let verb = verbs[kind] else { return nil }
        if OrderPartKind(rawValue: answered.kind) == .order { return "\(verb) the order" }
        guard OrderPartKind(rawValue: answered.kind) == .redemption else { return nil }
        return "\(verb) \(answered.name) …\(answered.cid.suffix(8))"
    }

    /// What nobody can tell who did not open the message; nil if its name says what matters.
    static func unopened(_ kind: String) -> String? {
        let unknown = [
            "decision": "whether it is a yes or a no", "refusal": "the reason",
            "destruction": "whether the destruction is done or pending",
        ]
        return unknown[kind].map { "not opened here: \($0) is not known" }
    }
}
