import AgentProtocol
import DTACourier
import DTAFormats

/// Redemptions as text for those who decide about them. The redeemer's text stays on lines that begin with a field
/// name: none of its lines can pass for one of this program's.
extension AgentOrderPart {
    /// The longest value that is shown; `--json` has the agent's whole answer.
    private static let shown = 1024

    /// The fields of the request, each with a name and a text.
    var request: [(name: String, text: String)] {
        fields.map { field in
            let text = SafeText.line(field.value)
            let isCut = text.count > AgentOrderPart.shown
            return (
                "request \(field.name)",
                isCut ? text.prefix(AgentOrderPart.shown) + "… (\(text.count) characters, --json has them)" : text
            )
        }
    }
}

extension Details {
    /// All that matters for the decision.
    mutating func add(redemption: AgentOrderPart, of order: AgentOrder, _ parties: Parties) {
        add("redemption", redemption.cid, .dim)
        add("asked by", parties.name(redemption.from), .bold)
        add("use", "\(redemption.use) of \(max(1, order.maxUses))")
        let purpose = SafeText.line(redemption.purpose)
        add("purpose", purpose.isEmpty ? "none was given" : "“\(purpose)”", .bold)
        for (name, text) in redemption.request { add(name, text, .bold) }
        add("asked", HumanUnits.time(unixSeconds: redemption.created) + ", as the redeemer says")
    }
}

extension AgentResponse {
    /// The redemptions that may be decided about; of ORDER_SHOW.
    var openRedemptions: [AgentOrderPart] { parts.filter { $0.open && $0.knownKind == .redemption } }
}
