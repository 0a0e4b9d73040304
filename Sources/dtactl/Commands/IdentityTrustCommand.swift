import AgentProtocol
import ArgumentParser
import DTACourier
import DTAFormats
import DTASystem

struct IdentityTrustCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "trust", abstract: "Trust an identity on this host, and give it a name.",
        discussion: """
            Make sure by another way that the CID belongs to the party that you mean: by telephone, on paper, in
            person. From then on the name stands for the CID, and for its verified successors. Administrators may do
            this, and users to whom a grant gives trust.

            The identity must be known here. With --at an unknown identity is fetched from that gateway, with all
            that is known there of its line. A document must fit its CID, so it cannot be exchanged on the way. Without --at,
            identity import takes it from a file.

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

    @OptionGroup var gateway: GatewayOptions
    @OptionGroup var agent: AgentOptions

    func run() throws {
        let failure = url.isEmpty ? nil : try fetchIfMissing()
        do {
            try agent.showTrust(agent.call(.trustIdentity(identity, as: alias, at: url)))
        } catch let error as DTAError where error.code == .notFound {
            throw failure ?? error
        }
    }

    private static let byFile =
        "without the gateway: ask its holder for the file that identity export writes, and dtactl identity import FILE"

    /// Fetches the identity from its gateway, if its document is not here.
    /// - Returns: why it could not be fetched.
    private func fetchIfMissing() throws -> DTAError? {
        guard let cid = try? CID(identity) else { return nil }
        let client = agent.connect()
        do {
            _ = try client.call(.getBlock(identity, localOnly: true))
            return nil
        } catch let error as DTAError where error.code == .notFound {}
        let courier = Courier(client)
        do {
            var options = try gateway.http()
            options.awayHint = IdentityTrustCommand.byFile
            let way = try HTTPCourier(url, options)
            way.deadline = courier.deadline
            try courier.deliver(identity: cid, car: way.identity(cid), from: url)
        } catch let error as DTAError where error.code == .notFound {
            return DTAError(
                .notFound, "\(url) has no identity \(cid) of its own",
                hint: "is that the gateway of its host? \(IdentityTrustCommand.byFile)")
        }
        if !agent.json { StandardError.note("fetched from \(url)") }
        return nil
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
