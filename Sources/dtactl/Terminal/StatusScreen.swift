/// The agent's state as a page: how it is in one line, then the agent, then its HSM, then whatever a newer agent adds.
struct StatusScreen {
    let socketPath: String
    let fields: [(name: String, value: String)]

    private static let aboutAgent = ["version", "uptime_seconds", "keys", "connections", "requests_waiting"]
    private static let aboutHSM = ["token", "token_model", "token_library", "hsm_processes", "key_types", "wall"]

    func show() throws {
        let hsm = value("hsm")
        let reason = value("hsm_reason") ?? ""
        let isWell = hsm == nil || hsm == "ready"
        let state = isWell ? "ready" : "up, but its HSM is \(hsm ?? "")" + (reason.isEmpty ? "" : ": \(reason)")
        let style = isWell ? Style.good : .bad
        try StandardOutput.line(
            style.apply("●") + " " + Style.bold.apply("D-TA agent") + "  " + style.apply(SafeText.line(state)))

        try section("Agent", [("socket", socketPath)] + rows(StatusScreen.aboutAgent))
        try section("HSM", rows(StatusScreen.aboutHSM))
        let known = StatusScreen.aboutAgent + StatusScreen.aboutHSM + ["hsm", "hsm_reason"]
        try section("Further", rows(fields.map(\.name).filter { !known.contains($0) }))
    }

    private func value(_ name: String) -> String? { fields.first { $0.name == name }?.value }

    private func rows(_ names: [String]) -> [(String, String)] {
        names.compactMap { name in value(name).map { (name, $0) } }.filter { !$0.1.isEmpty }
    }

    private func section(_ title: String, _ rows: [(String, String)]) throws {
        guard !rows.isEmpty else { return }
        try StandardOutput.line("\n" + Style.heading.apply(title))
        var details = Details()
        for row in rows {
            let (name, value) = StatusScreen.forPeople(row.0, row.1)
            details.add(name, value, StatusScreen.style(row.0, row.1))
        }
        try details.show()
    }

    /// `uptime_seconds` 192 as `uptime` 3 min 12 s, `size_bytes` as a size, underscores as spaces.
    private static func forPeople(_ name: String, _ value: String) -> (String, String) {
        func spaced(_ name: some StringProtocol) -> String { name.split(separator: "_").joined(separator: " ") }
        if name == "wall", value == "none" { return (name, "none: dtad-hsm runs as the same user as dtad") }
        if name.hasSuffix("_seconds"), let seconds = Int64(value) {
            return (spaced(name.dropLast(8)), HumanUnits.span(seconds: seconds))
        }
        if name.hasSuffix("_bytes"), let bytes = UInt64(value) {
            return (spaced(name.dropLast(6)), HumanUnits.size(bytes))
        }
        return (spaced(name), value)
    }

    private static func style(_ name: String, _ value: String) -> Style {
        switch (name, value) {
        case ("wall", "stands"): .good
        case ("wall", _): .warning
        default: .plain
        }
    }
}
