import AgentProtocol
import DTASystem

/// Whether a key may sign, as the agent wants it asked. Everything in it but the words is foreign.
struct SigningQuestion: Sendable {
    let id: String
    /// Until when it may be answered (monotonic).
    let deadline: UInt64
    private let facts: [String: String]

    /// - Parameter fields: of the answer to CONFIRM_NEXT.
    init?(_ fields: [AgentField]) {
        facts = Dictionary(fields.map { ($0.name, $0.value) }, uniquingKeysWith: { first, _ in first })
        guard facts["event"] == "question", let id = facts["question"], let seconds = UInt64(facts["seconds"] ?? ""),
            seconds <= 86_400
        else { return nil }
        self.id = id
        deadline = monotonicNanoseconds() + seconds * 1_000_000_000
    }

    /// "" if it does not say.
    subscript(_ name: String) -> String { facts[name] ?? "" }

    private func quoted(_ name: String) -> String { ForeignText.quoted(self[name], limit: 120) }

    /// What is to be signed.
    private var purpose: String {
        switch self["kind"] {
        case "login":
            let host = facts["host"] != nil ? " at \(quoted("host"))" : facts["host_key"] != nil ? " at a host" : ""
            return "log in as \(quoted("user"))\(host.isEmpty ? " at an unknown host" : host)"
        case "message": return "sign a message for \(quoted("namespace"))"
        case "certificate":
            let names = self["principals"] == "*" ? "all names" : quoted("principals")
            return "sign a \(self["certificate"] == "host" ? "host" : "user") certificate for \(names)"
        case "exchange-hash": return "sign as a host's key"
        case "test": return "sign data of a test"
        default: return "sign data that cannot be read"
        }
    }

    /// On one line.
    var summary: String { "key \(quoted("key")), to \(purpose)" }

    /// All of it.
    var text: String {
        var lines = ["Allow key \(quoted("key")) to \(purpose)?"]
        lines.append("Key: \(ForeignText.line(self["fingerprint"]))")
        if facts["host_key"] != nil { lines.append("Host key: \(ForeignText.line(self["host_key"]))") }
        let program = facts["program"] != nil ? quoted("program") : "a program that cannot be seen"
        lines.append("Asked by: \(program), process \(ForeignText.line(self["pid"]))")
        if facts["forwarded"] != nil {
            let asking = self["forwarded"] == "?" ? "an unknown host" : quoted("forwarded")
            lines.append("The agent is forwarded to \(asking), which may be what asks.")
        }
        if self["confirm"] == "session" { lines.append("A yes holds for the rest of this SSH session.") }
        return lines.joined(separator: "\n")
    }
}
