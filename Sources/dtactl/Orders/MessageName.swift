import DTAFormats

/// The names by which people tell the messages of an order apart: `redemption 1`, the second request for the same use
/// `redemption 1 (2)`, and its answer `refusal 1 (2)`.
enum MessageName {
    /// The kind of a message. An approver's yes and no have the same kind, and only those who can open them can tell
    /// them apart: for others it is a decision.
    /// - Parameters: `kind`: as in the protocol; `decision`: approve or reject; "": not known here.
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

    /// `refuses redemption 1 …sxzyqflu`; nil if it answers nothing worth mentioning.
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

    /// What is not known because the message was not opened; nil if its name says all that matters.
    static func unopened(_ kind: String) -> String? {
        let unknown = [
            "decision": "whether it is a yes or a no", "refusal": "the reason",
            "destruction": "whether the destruction is done or pending",
        ]
        return unknown[kind].map { "not opened here: \($0) is not known" }
    }
}
