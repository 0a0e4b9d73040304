import AgentProtocol
import ArgumentParser
import DTAFormats
import DTASystem

struct IdentityCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "identity", abstract: "Identities: who seals, and to whom is sealed.",
        subcommands: [IdentityCreateCommand.self, IdentityListCommand.self, IdentityShowCommand.self])
}

struct IdentityCreateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "create", abstract: "Make an identity with its keys in the HSM, and print its CID.",
        discussion: """
            Example:
              alice=$(dtactl identity create alice)
            """)

    @Argument(help: "Its name: 1 to 64 of a-z A-Z 0-9 . _ -")
    var name: String

    @OptionGroup var agent: AgentOptions

    func run() throws {
        let cid = try agent.call(.createIdentity(name), timeout: .seconds(120)).cid
        if agent.json {
            try JSON.object([("cid", .string(cid)), ("name", .string(name))]).show()
        } else {
            try StandardOutput.line(SafeText.line(cid))
        }
    }
}

struct IdentityListCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List the identities that are known here.",
        discussion: """
            Example:
              dtactl identity list
            """)

    @OptionGroup var agent: AgentOptions

    func run() throws {
        let identities = try agent.all(.identityList, \.identities)
        if agent.json { return try JSON.showLines(identities.map(\.json)) }
        guard !identities.isEmpty else {
            return StandardError.note("no identities are known here; dtactl identity create NAME makes one")
        }
        var table = Table([
            .init(title: "name", minimum: 8), .init(title: "cid", minimum: 14, cut: .middle),
            .init(title: "owner", minimum: 6), .init(title: "created", minimum: 10),
        ])
        for identity in identities {
            table.add([
                .init(identity.name, identity.own ? .bold : .plain), .init(identity.cid),
                .init(identity.own ? identity.ownerText : "–"),
                .init(HumanUnits.time(unixSeconds: identity.created)),
            ])
        }
        try table.show()
    }
}

struct IdentityShowCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Show an identity; its document is verified here.",
        discussion: """
            --out writes the document's block, for somebody else's ledger put.

            Example:
              dtactl identity show alice
              dtactl identity show alice --out alice.identity
            """)

    @Argument(help: "A name or a CID.", completion: .identityNames)
    var identity: String

    @Option(
        name: [.long, .customShort("o")],
        help: ArgumentHelp("Write the document's block to a file; - is standard output.", valueName: "file"),
        completion: .file())
    var out: String?

    @OptionGroup var agent: AgentOptions

    func run() throws {
        let answer = try agent.call(.showIdentity(identity))
        guard let row = answer.identities.first else {
            throw DTAError(.internal, "the agent answered without the identity")
        }
        let document = try SignedIdentity(block: [UInt8](answer.data), named: CID(row.cid))
        if out == "-" { return try StandardOutput.write(document.block) }
        if let out { try OutputFile.write(document.block, to: out) }
        if agent.json {
            return try JSON.object(row.members + document.members).show()
        }
        if let out { return StandardError.note("\(out): identity, \(HumanUnits.size(UInt64(document.block.count)))") }
        var details = Details()
        details.add("name", row.name, .bold)
        details.add("cid", row.cid)
        details.add("keys", row.own ? "here, of \(row.ownerText)" : "elsewhere")
        details.add("created", HumanUnits.time(unixSeconds: row.created))
        details.add(
            "signing",
            "\(document.identity.signing.publicKey.algorithm) "
                + Hex.encode(document.identity.signing.publicKey.raw))
        details.add("sealing", "X-Wing (ML-KEM-768, X25519)")
        details.add("document", "\(HumanUnits.size(UInt64(document.block.count))), signature verified", .good)
        try details.show()
    }
}

extension AgentIdentity {
    var ownerText: String { owner.isEmpty ? "uid \(ownerUid)" : owner }

    var members: [(String, JSON)] {
        [
            ("cid", .string(cid)), ("name", .string(name)), ("own", .bool(own)),
            ("owner", own ? .string(owner) : .null), ("owner_uid", own ? .number(Int64(ownerUid)) : .null),
            ("created", .number(created)),
        ]
    }

    var json: JSON { .object(members) }
}

extension SignedIdentity {
    fileprivate var members: [(String, JSON)] {
        [
            ("signing_type", .string(identity.signing.publicKey.algorithm.rawValue)),
            ("signing_key", .bytes(identity.signing.publicKey.raw)), ("kem_key", .bytes(identity.kem)),
            ("block", .bytes(block)),
        ]
    }
}
