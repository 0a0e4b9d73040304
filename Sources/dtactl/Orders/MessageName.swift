/// By what people tell the messages of an order apart, wherever they are shown: `redemption 1`, the second request for
/// the same use as `redemption 1 (2)`, and what answers it as `refusal 1 (2)`.
enum MessageName {
    /// - Parameters: `kind`: as the protocol writes it, or rejection; `use`: 0: none.
    static func text(_ kind: String, use: Int, attempt: Int) -> String {
        guard use > 0 else { return kind }
        return "\(kind) \(use)" + (attempt > 1 ? " (\(attempt))" : "")
    }

    /// `refuses redemption 1 …sxzyqflu`; nil if it answers nothing worth telling.
    static func answer(_ kind: String, to answered: (kind: String, name: String, cid: String)?) -> String? {
        let verbs = ["approval": "approves", "rejection": "rejects", "release": "answers", "refusal": "refuses"]
        guard let answered, let verb = verbs[kind] else { return nil }
        if answered.kind == "order" { return "\(verb) the order" }
        guard answered.kind == "redemption" else { return nil }
        return "\(verb) \(answered.name) …\(answered.cid.suffix(8))"
    }
}
