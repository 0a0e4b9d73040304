import DTASystem

/// The agent's fields as a page: `state` first, then fields without a group, then a group for each prefix before a dot.
struct StatusScreen {
    let socketPath: String
    let fields: [(name: String, value: String)]

    func show() throws {
        let state = fields.first { $0.name == "state" }?.value ?? "answers"
        let style = StatusScreen.style("state", state)
        try StandardOutput.line(
            style.apply("●") + " " + Style.bold.apply("D-TA agent") + "  " + style.apply(SafeText.line(state)))
        for group in groups { try section(group.title, group.rows) }
    }

    private var groups: [(title: String, rows: [(String, String)])] {
        var groups: [(title: String, rows: [(String, String)])] = [("agent", [("socket", socketPath)])]
        for (name, value) in fields where name != "state" && !value.isEmpty {
            let parts = name.split(separator: ".", maxSplits: 1).map(String.init)
            let (title, rest) = parts.count == 2 ? (parts[0], parts[1]) : ("agent", name)
            if let index = groups.firstIndex(where: { $0.title == title }) {
                groups[index].rows.append((rest, value))
            } else {
                groups.append((title, [(rest, value)]))
            }
        }
        return groups
    }

    private func section(_ title: String, _ rows: [(String, String)]) throws {
        let title =
            ["hsm", "ipfs", "ssh"].contains(title)
            ? title.uppercased() : title.prefix(1).uppercased() + title.dropFirst()
        try StandardOutput.line("\n" + Style.heading.apply(SafeText.line(title)))
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
        case ("state", AgentState.ready.rawValue), ("state", "answers"), ("wall", "stands"): .good
        case ("wall", _): .warning
        case ("state", _), ("reason", _): .bad
        default: .plain
        }
    }
}
