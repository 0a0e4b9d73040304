import AgentProtocol
import ArgumentParser

struct AuditArchiveCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "archive",
        abstract: "Begin a new file of the audit log, and let the ones before it be moved away.",
        discussion: """
            Prints the paths of the files that may be moved away from now on. The agent goes on as before; a record says how \
            far the archived files go. No other file of the log may be moved. For administrators.

            Example:
              sudo dtactl audit archive | sudo xargs -r mv -t /srv/archive
            """)

    @OptionGroup var agent: AgentOptions

    func run() throws {
        let files = try agent.call(.archiveAudit(), timeout: .seconds(600)).lines
        if agent.json { return try JSON.object([("files", .array(files.map(JSON.string)))]).show() }
        if files.isEmpty { return StandardError.note("no file of the audit log is there to be moved") }
        for file in files { try StandardOutput.line(SafeText.line(file)) }
    }
}
