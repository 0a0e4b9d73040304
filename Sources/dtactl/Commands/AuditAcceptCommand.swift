import AgentProtocol
import ArgumentParser

struct AuditAcceptCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "accept",
        abstract: "Accept that files of the audit log are lost or changed, so that keys are used again.",
        discussion: """
            While a file of its audit log is not what the agent wrote, it uses no key. If the file can be put back as it was, \
            do that. If it cannot, this goes on without it: a record says who accepted what, and dtactl audit verify fails \
            from then on. For administrators.

            Example:
              sudo dtactl audit verify
              sudo dtactl audit accept
            """)

    @OptionGroup var agent: AgentOptions

    func run() throws {
        let accepted = try agent.call(.acceptAudit(), timeout: .seconds(600)).lines
        if agent.json { return try JSON.object([("accepted", .array(accepted.map(JSON.string)))]).show() }
        for line in accepted { try StandardOutput.line("accepted: " + SafeText.line(line)) }
    }
}
