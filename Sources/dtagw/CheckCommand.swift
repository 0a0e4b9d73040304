import AgentProtocol
import ArgumentParser
import DTAGateway
import DTASystem

struct CheckCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check", abstract: "Read the configuration, and ask whether the agent answers.",
        discussion: "Example: dtagw check --config dtagw.yaml")

    @Option(help: ArgumentHelp("The configuration.", valueName: "file"))
    var config: String

    func run() async throws {
        try await failing {
            let configuration = try GatewayConfiguration.load(config)
            print("ok    configuration  \(configuration.node.rawValue)")
            let tokens = try configuration.orders.tokens.check()
            if tokens > 0 { print("ok    tokens         \(tokens) for other gateways can be read") }
            do {
                let fields = try await AgentClient(socketPath: configuration.agent).status()
                let state = fields.first { $0.name == "state" }?.value ?? ""
                print("ok    agent          \(state), at \(configuration.agent)")
            } catch let error as AgentUnreachable {
                throw error.error
            }
        }
    }
}
