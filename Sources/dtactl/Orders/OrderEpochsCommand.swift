import AgentProtocol
import ArgumentParser
import DTAFormats
import DTASystem
import FoundationEssentials

struct OrderEpochsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "epochs", abstract: "Show the keys under which orders' secrets are sealed, as an administrator.",
        discussion: """
            An epoch is a key on the token that seals the secrets of up to 1,024 orders; it is destroyed when one of them is. \
            One that is unknown is on the token, and the agent's database does not name it. That is so after an older state \
            was restored: then the secrets of orders that came after the backup are sealed under it. It is also so if \
            somebody who controlled dtad made it. As long as there is one, no receipt of a destruction says done.

            --destroy is for unknown ones. It shows what is known, asks, and cannot be undone. --renew seals every living \
            secret under a new key, and then destroys those that are there now: do that after somebody else had control.

            Example:
              dtactl order epochs
              dtactl order epochs --destroy 7
              dtactl order epochs --destroy 7 --yes
            """)

    @Option(help: ArgumentHelp("Destroy an unknown epoch's key, and what is sealed under it.", valueName: "number"))
    var destroy: UInt32?

    @Flag(help: "Seal all that lives under a new key, and destroy the keys that are there now.")
    var renew = false

    @Flag(help: "Do not ask.")
    var yes = false

    @OptionGroup var agent: AgentOptions

    func validate() throws {
        if destroy != nil, renew { throw ValidationError("--destroy or --renew: one of them.") }
    }

    func run() throws {
        let client = agent.connect()
        var answer = try client.call(.orderEpochs(), timeout: orderTimeout)
        if let destroy {
            if !yes {
                let epoch = try Self.unknown(destroy, in: try Self.epochs(answer))
                for line in Self.known(of: epoch, restored: Self.restored(answer)) { StandardError.line(line) }
                try Question.confirm("Destroy the key of epoch \(destroy), for ever?", word: "\(destroy)")
            }
            answer = try client.call(.orderEpochs(decision: "destroy", epoch: "\(destroy)"), timeout: orderTimeout)
        } else if renew {
            if !yes { try Question.confirm("Seal all that lives under a new key?", word: "renew") }
            answer = try client.call(.orderEpochs(decision: "renew"), timeout: orderTimeout)
        }
        try show(answer)
    }

    private struct Epoch: Decodable {
        var epoch: UInt32
        var state: String
        var orders: Int
        var created: Int64?
        var after: Int64?
        var before: Int64?
        var ends: Int64?

        var known: EpochState? { EpochState(rawValue: state) }
    }

    private static func epochs(_ answer: AgentResponse) throws -> [Epoch] {
        try answer.lines.map { line in
            guard let epoch = try? JSONDecoder().decode(Epoch.self, from: Data(line.utf8)) else {
                throw DTAError(.internal, "the agent answered something else than epochs")
            }
            return epoch
        }
    }

    private static func restored(_ answer: AgentResponse) -> Int64? {
        answer.fields.first { $0.name == "restored" }.flatMap { Int64($0.value) }
    }

    private func show(_ answer: AgentResponse) throws {
        if agent.json {
            for line in answer.lines { try StandardOutput.line(SafeText.line(line)) }
            return
        }
        let epochs = try Self.epochs(answer)
        guard !epochs.isEmpty else { return StandardError.note("there are no epochs: no secret was sealed yet") }
        var table = Table([
            .init(title: "epoch", isNumber: true), .init(title: "state"), .init(title: "orders", isNumber: true),
            .init(title: "made"), .init(title: "ends"),
        ])
        for epoch in epochs {
            table.add([
                .init("\(epoch.epoch)", .bold),
                .init(epoch.state, [.unknown, .missing].contains(epoch.known) ? .bad : .plain),
                .init(epoch.known == .unknown ? "?" : "\(epoch.orders)"), .init(Self.made(epoch)),
                .init(epoch.ends.map { HumanUnits.time(unixSeconds: $0) } ?? ""),
            ])
        }
        try table.show()
        if epochs.contains(where: { $0.known == .unknown }) {
            StandardError.warn(
                "unknown: on the token, and not in the database; see --destroy in --help before you decide")
        }
    }

    /// When it was made, as far as that is known.
    private static func made(_ epoch: Epoch) -> String {
        if let created = epoch.created { return HumanUnits.time(unixSeconds: created) }
        let bounds = [
            epoch.after.map { "after " + HumanUnits.time(unixSeconds: $0) },
            epoch.before.map { "before " + HumanUnits.time(unixSeconds: $0) },
        ].compactMap { $0 }
        return bounds.isEmpty ? "?" : bounds.joined(separator: ", ")
    }

    /// The epoch to destroy.
    /// - Throws: `Failure` if the agent would refuse.
    private static func unknown(_ number: UInt32, in epochs: [Epoch]) throws -> Epoch {
        guard let epoch = epochs.first(where: { $0.epoch == number }), epoch.known != .missing else {
            throw Failure.failed(
                .notFound, "the key dta/epoch/\(number) is not on the token", hint: "dtactl order epochs lists them")
        }
        guard epoch.known == .unknown else {
            throw Failure.failed(
                .failedPrecondition, "the key dta/epoch/\(number) is known here, and orders need it",
                hint: "it goes when an order is destroyed that is sealed under it")
        }
        return epoch
    }

    /// What is known, and what is not, about a key that is to be destroyed.
    private static func known(of epoch: Epoch, restored: Int64?) -> [String] {
        var lines = [
            "key      dta/epoch/\(epoch.epoch), on the token and not in the database",
            "made     \(made(epoch) == "?" ? "at an unknown time" : made(epoch))",
            "secrets  an unknown number; all that are sealed under it are lost, in backups as well",
        ]
        if let restored {
            lines.append(
                "restored from a backup of \(HumanUnits.time(unixSeconds: restored)): a newer backup may name this key, and "
                    + "open what is sealed under it")
        }
        return lines
    }
}
