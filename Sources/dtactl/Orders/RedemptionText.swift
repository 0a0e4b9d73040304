import AgentProtocol
import DTACourier
import DTAFormats

/// How redemptions read to those who decide about them. What its redeemer wrote stays on lines that begin with its
/// name: no line of it can be taken for one of this program's.
extension AgentOrderPart {
    /// The longest value that is shown; `--json` has what the agent tells.
    private static let shown = 1024

    /// What it asks for, a name and a text each.
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
    /// All that is decided about.
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
