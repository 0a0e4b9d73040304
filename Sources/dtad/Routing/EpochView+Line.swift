import DTAOrders

extension EpochView {
    /// As JSON, for programs: only numbers and fixed words, so that nothing needs escaping.
    var line: String {
        let members: [(String, String?)] = [
            ("epoch", "\(number)"), ("state", "\"\(state.rawValue)\""), ("orders", "\(orders)"),
            ("created", created.map { "\($0)" }), ("after", after.map { "\($0)" }), ("before", before.map { "\($0)" }),
            ("ends", ends.map { "\($0)" }),
        ]
        return "{" + members.compactMap { name, value in value.map { "\"\(name)\":\($0)" } }.joined(separator: ",")
            + "}"
    }
}
