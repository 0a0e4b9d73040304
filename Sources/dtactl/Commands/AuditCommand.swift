import AgentProtocol
import ArgumentParser
import DTASystem
import Glibc

struct AuditCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "audit", abstract: "What the agent was asked, and what it did.",
        subcommands: [
            AuditListCommand.self, AuditFollowCommand.self, AuditVerifyCommand.self, AuditArchiveCommand.self,
            AuditAcceptCommand.self,
        ])
}

struct AuditListCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List the last audit records: your own, all of them for root.",
        discussion: """
            Example:
              dtactl audit list --last 20
              dtactl audit list --json | jq -r 'select(.result != "OK")'
            """)

    @Option(name: [.long, .customShort("n")], help: "How many: 1 to 1,000.")
    var last: UInt32 = 100

    @OptionGroup var agent: AgentOptions

    func validate() throws {
        guard (1...1000).contains(last) else { throw ValidationError("--last is 1 to 1000.") }
    }

    func run() throws {
        let lines = try agent.call(.list(.auditList, count: last)).lines
        if lines.isEmpty, !agent.json { return StandardError.note("no audit record here is yours") }
        try AuditRows(lines).show(json: agent.json, headings: true)
    }
}

struct AuditFollowCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "follow", abstract: "Show audit records as they are written, until interrupted.",
        discussion: """
            It goes on when the agent restarts. Its own looks at the log, one a second, are recorded and not shown.

            Example:
              dtactl audit follow
            """)

    @Option(name: [.long, .customShort("n")], help: "How many older ones first: 1 to 1,000.")
    var last: UInt32 = 10

    @OptionGroup var agent: AgentOptions

    func validate() throws {
        guard (1...1000).contains(last) else { throw ValidationError("--last is 1 to 1000.") }
    }

    func run() throws {
        let client = agent.connect()
        var page = try client.call(.list(.auditList, count: last))
        try AuditRows(page.lines).show(json: agent.json, headings: true)
        var cursor = page.cursor
        var isAway = false
        while true {
            do {
                page = try client.call(.list(.auditList, count: cursor.isEmpty ? last : 1000, cursor: cursor))
                if isAway { StandardError.warn("the agent is back") }
                isAway = false
            } catch let error where AuditFollowCommand.mayPass(error) {
                if !isAway { StandardError.warn("\(Failure(error).message); trying again") }
                isAway = true
                sleep(1)
                continue
            }
            try AuditRows(page.lines.filter { !isOwnReading($0) }).show(json: agent.json, headings: false)
            if !page.cursor.isEmpty { cursor = page.cursor }
            // After a full page there may be more already.
            if page.lines.count < 1000 { sleep(1) }
        }
    }

    /// Each read of the log is recorded too; if these records were shown, they would be all that a person sees.
    private func isOwnReading(_ line: String) -> Bool {
        line.contains("\"op\":\"audit.list\"") && line.contains("\"pid\":\(getpid()),")
    }

    private static func mayPass(_ error: any Error) -> Bool {
        error is AgentUnreachable || (error as? DTAError)?.code == .unavailable
    }
}
