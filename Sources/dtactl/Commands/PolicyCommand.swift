import AgentProtocol
import ArgumentParser
import DTASystem

struct PolicyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "policy", abstract: "Who may do what.", subcommands: [PolicyExplainCommand.self])
}

struct PolicyExplainCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "explain", abstract: "Say who may do something with a key or an identity, and why.",
        discussion: """
            It exits with 0 whether it is allowed or not: the answer is the result.

            Example:
              dtactl policy explain release sign
              sudo dtactl policy explain release sign --as-uid bob
              dtactl policy explain deploy sign --ssh-login git@build.example
            """)

    @Argument(help: "The name of a key or an identity.", completion: .keyNames)
    var key: String

    @Argument(
        help: "One of \(AgentRequest.permissions.joined(separator: ", ")).",
        completion: .list(AgentRequest.permissions))
    var operation: String

    @Option(
        help: ArgumentHelp(
            "The user to explain, by name or number, for administrators; by default you.", valueName: "user"))
    var asUID: String?

    @Option(
        help: ArgumentHelp(
            "With sign: whether it may sign this log-in by ssh, at a host that dtad.yaml names.",
            valueName: "user@host"))
    var sshLogin: String?

    @OptionGroup var agent: AgentOptions

    func run() throws {
        let answer = try agent.call(
            .explainPolicy(subject: key, permission: operation, uid: asUID.map(uid), sshLogin: sshLogin ?? ""))
        if agent.json {
            return try JSON.object([
                ("allowed", .bool(answer.valid)), ("lines", .array(answer.lines.map(JSON.string))),
            ]).show()
        }
        try StandardOutput.line(answer.valid ? Style.good.apply("allowed") : Style.bad.apply("refused"))
        for line in answer.lines { try StandardOutput.line("  " + SafeText.line(line)) }
    }

    private func uid(_ user: String) throws -> UInt32 {
        if let number = UInt32(user) { return number }
        guard let uid = UserDatabase.uid(ofUser: user) else {
            throw Failure.usage("there is no user \(user) on this host", hint: "getent passwd lists them")
        }
        return uid
    }
}
