import AgentProtocol
import ArgumentParser

struct StatusCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status", abstract: "Show how the agent is.",
        discussion: """
            Example:
              dtactl status
              dtactl status --json | jq -r .state
            """)

    @OptionGroup var agent: AgentOptions

    func run() throws {
        let fields = try agent.call(.status(), timeout: .seconds(10)).fields
        if agent.json {
            try JSON.object([("socket", .string(agent.socketPath))] + fields.map { ($0.name, .string($0.value)) })
                .show()
        } else {
            try StatusScreen(socketPath: agent.socketPath, fields: fields.map { ($0.name, $0.value) }).show()
        }
    }
}

/// The agent's fields as a page: `state` on top, then what has no group, then a group for each prefix before a dot.
struct StatusScreen {
    let socketPath: String
    let fields: [(name: String, value: String)]

    func show() throws {
        let state = fields.first { $0.name == "state" }?.value ?? "answers"
        try StandardOutput.line(
            StatusScreen.style(state).apply("●") + " " + Style.bold.apply("D-TA agent") + " "
                + StatusScreen.style(state).apply(SafeText.line(state)))
        for (title, rows) in groups {
            if !title.isEmpty { try StandardOutput.line("\n" + Style.heading.apply(SafeText.line(title))) }
            var details = Details()
            if title.isEmpty { details.add("socket", socketPath) }
            for (name, value) in rows {
                let (name, value) = StatusScreen.forPeople(name, value)
                details.add(name, value, StatusScreen.style(value))
            }
            try details.show()
        }
    }

    private var groups: [(title: String, rows: [(String, String)])] {
        var groups: [(title: String, rows: [(String, String)])] = [("", [])]
        for (name, value) in fields where name != "state" {
            let parts = name.split(separator: ".", maxSplits: 1).map(String.init)
            let (title, rest) = parts.count == 2 ? (parts[0], parts[1]) : ("", name)
            if let index = groups.firstIndex(where: { $0.title == title }) {
                groups[index].rows.append((rest, value))
            } else {
                groups.append((title, [(rest, value)]))
            }
        }
        return groups
    }

    /// `uptime_seconds` 192 as `uptime` 3 min 12 s, `size_bytes` as a size, underscores as spaces.
    static func forPeople(_ name: String, _ value: String) -> (String, String) {
        func spaced(_ name: some StringProtocol) -> String { name.split(separator: "_").joined(separator: " ") }
        if name.hasSuffix("_seconds"), let seconds = Int64(value) {
            return (spaced(name.dropLast(8)), HumanUnits.span(seconds: seconds))
        }
        if name.hasSuffix("_bytes"), let bytes = UInt64(value) {
            return (spaced(name.dropLast(6)), HumanUnits.size(bytes))
        }
        if name == "started", let time = Int64(value) { return (name, HumanUnits.time(unixSeconds: time)) }
        return (spaced(name), value)
    }

    static func style(_ value: String) -> Style {
        switch value {
        case "ready", "ok", "up", "yes", "answers", "sound": .good
        case "degraded", "starting", "draining", "reloading": .warning
        case "down", "away", "no", "failed", "unavailable": .bad
        default: .plain
        }
    }
}
