import AgentProtocol
import ArgumentParser
import DTABytes
import DTACourier
import DTAFormats
import DTASystem

struct IdentityShowCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Show an identity; its document is verified here.",
        discussion: """
            A name or an alias means the newest of its line, a CID that very identity. --out writes the document's
            block, for identity import on another host.

            Example:
              dtactl identity show alice
              dtactl identity show alice --out alice.identity
            """)

    @Argument(help: "A name, an alias or a CID.", completion: .identityNames)
    var identity: String

    @Option(
        name: [.long, .customShort("o")],
        help: ArgumentHelp("Write the document's block to a file; - is standard output.", valueName: "file"),
        completion: .file(),
        transform: FileName.argument)
    var out: String?

    @OptionGroup var agent: AgentOptions

    func run() throws {
        let (row, document) = try agent.identity(identity)
        if out == "-" { return try StandardOutput.write(document.block) }
        if let out { try OutputFile.write(document.block, to: out) }
        if agent.json {
            return try JSON.object(row.members + document.members).show()
        }
        if let out { return StandardError.note("\(out): identity, \(HumanUnits.size(UInt64(document.block.count)))") }
        try details(row, document).show()
    }

    private func details(_ row: AgentIdentity, _ document: SignedIdentity) -> Details {
        var details = Details()
        details.add("name", row.shownName, .bold)
        if !row.own, !row.alias.isEmpty { details.add("calls itself", row.name) }
        details.add("cid", row.cid)
        details.add("keys", row.own ? "here, of \(row.ownerText)" : "elsewhere")
        details.add(
            "standing", row.standingText + (row.knownStanding == .current ? ", as far as is known here" : ""),
            row.standingStyle)
        details.add("trust", row.trust, row.trustStyle)
        if !row.url.isEmpty { details.add("courier", row.url) }
        if !row.previous.isEmpty { details.add("replaces", row.previous) }
        details.add("created", HumanUnits.time(unixSeconds: row.created))
        details.add(
            "signing",
            "\(document.identity.signing.publicKey.algorithm) "
                + Hexadecimal.encode(document.identity.signing.publicKey.raw))
        if document.identity.pq != nil { details.add("", "and ML-DSA-65") }
        details.add("sealing", "X-Wing (ML-KEM-768, X25519)")
        details.add(
            "recovery",
            document.identity.recovery.map { "by the key with fingerprint \(Hexadecimal.encode($0))" } ?? "none")
        details.add("document", "\(HumanUnits.size(UInt64(document.block.count))), signature verified", .good)
        return details
    }
}

extension AgentOptions {
    /// An identity that the agent knows; its document is verified here.
    func identity(_ subject: String) throws -> (row: AgentIdentity, document: SignedIdentity) {
        let answer = try call(.showIdentity(subject))
        guard let row = answer.identities.first else {
            throw DTAError(.internal, "the agent answered without the identity")
        }
        return (row, try SignedIdentity(block: [UInt8](answer.data), named: CID(row.cid)))
    }
}

extension SignedIdentity {
    fileprivate var members: [(String, JSON)] {
        [
            ("signing_type", .string(identity.signing.publicKey.algorithm.rawValue)),
            ("signing_key", .bytes(identity.signing.publicKey.raw)), ("kem_key", .bytes(identity.kem)),
            ("recovery", identity.recovery.map { .bytes($0) } ?? .null), ("block", .bytes(block)),
        ]
    }
}
