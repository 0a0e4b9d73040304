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
