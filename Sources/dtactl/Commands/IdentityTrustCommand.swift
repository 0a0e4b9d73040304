import AgentProtocol
import ArgumentParser
import DTASystem

struct IdentityTrustCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "trust", abstract: "Trust an identity on this host, and give it a name.",
        discussion: """
            Make sure by another way that the CID is of whom you think: by telephone, on paper, in person. From then on the
            name stands for the CID, and for each that rightly replaces it. Administrators may, and whom a grant gives trust.

            Example:
              dtactl identity trust bafy… --as bank --at https://bank.example/dta
            """)

    @Argument(
        help: "The CID of an identity that is known here; an alias, to change its URL.", completion: .identityNames)
    var identity: String

    @Option(name: .customLong("as"), help: ArgumentHelp("What this host calls it.", valueName: "alias"))
    var alias = ""

    @Option(name: .customLong("at"), help: ArgumentHelp("Where its courier is reached.", valueName: "url"))
    var url = ""

    @OptionGroup var agent: AgentOptions

    func run() throws {
        try agent.showTrust(agent.call(.trustIdentity(identity, as: alias, at: url)))
    }
}

struct IdentityDistrustCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "distrust", abstract: "Take trust away from an identity, and from all that descend from it.",
        discussion: """
            Its alias is free again. Trusting it anew takes this back.

            Example:
              dtactl identity distrust bank
            """)

    @Argument(help: "An alias, a name or a CID.", completion: .identityNames)
    var identity: String

    @OptionGroup var agent: AgentOptions

    func run() throws { try agent.showTrust(agent.call(.distrustIdentity(identity))) }
}

extension AgentOptions {
    fileprivate func showTrust(_ answer: AgentResponse) throws {
        guard let row = answer.identities.first else {
            throw DTAError(.internal, "the agent answered without the identity")
        }
        if json { return try row.json.show() }
        try StandardOutput.line("\(row.trust): \(SafeText.line(row.shownName)) (\(SafeText.line(row.cid)))")
        if !row.successor.isEmpty { StandardError.note("its line goes on with \(row.successor)") }
    }
}
