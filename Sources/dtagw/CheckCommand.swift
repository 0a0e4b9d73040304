import ArgumentParser
import DTAGateway
import DTASystem

struct CheckCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Read the configuration and all that it names, and say what is in order and what is not.",
        discussion: """
            It reads certificates, keys and tokens, checks each key of the tokens' issuer, and asks whether the \
            agent answers. Exit status 0 if the gateway can run and serve with this configuration, 1 if it cannot. \
            Run it as dtagw's user.

            Example: dtagw check --config dtagw.yaml
            """)

    @Option(help: ArgumentHelp("The configuration.", valueName: "file"))
    var config = Dtagw.installedConfiguration

    func run() async throws {
        try await failing {
            var check = GatewayCheck(try GatewayConfiguration.load(config))
            await check.run()
            for finding in check.findings {
                print("\(pad(finding.verdict.rawValue, 5)) \(pad(finding.subject, 14)) \(finding.text)")
                if !finding.hint.isEmpty { print("\(pad("", 20)) \(finding.hint)") }
            }
            let failures = check.findings.count { $0.verdict == .bad }
            print(failures == 0 ? "\nAll is in order." : "\n\(failures) of these must be fixed first.")
            if failures > 0 { throw ExitCode(1) }
        }
    }

    private func pad(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(0, width - text.count))
    }
}
