import AgentProtocol
import ArgumentParser
import DTAFormats
import DTASystem

struct IdentityRotateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rotate", abstract: "Replace an identity by one with new keys, and print the new CID.",
        discussion: """
            The name goes on, and what was sealed to the old keys stays readable. Bring the new identity to all who know the
            old one: dtactl identity export NAME. If the keys may be stolen, use identity recover instead.

            Example:
              dtactl identity rotate alice
            """)

    @Argument(help: "The identity's name.", completion: .identityNames)
    var name: String

    @Option(
        help: ArgumentHelp(
            "Make a new recovery key and write it to this new file; without it the old one goes on.", valueName: "file"),
        completion: .file(),
        transform: FileName.argument)
    var recovery: String?

    @OptionGroup var postQuantum: PostQuantumOption

    @OptionGroup var agent: AgentOptions

    func run() throws {
        let answer = try NewRecoveryKey.made(recovery, for: name) { fingerprint in
            try agent.call(
                .rotateIdentity(name, recovery: fingerprint, postQuantum: postQuantum.pq), timeout: .seconds(120))
        }
        try agent.show(answer)
    }
}

struct IdentityRevokeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "revoke", abstract: "End an identity for ever, and print the revocation's CID.",
        discussion: """
            A host that knows the revocation seals nothing new to it and believes nothing new from it, and no identity
            can succeed it: if its line is to go on, use identity recover instead. What was sealed to it stays
            readable. On a terminal the command asks first; elsewhere --yes is needed.

            With --recovery the offline key signs, here and not in the agent. So you can revoke an identity whose keys
            are on another host.

            Example:
              dtactl identity revoke alice
              dtactl identity revoke bafy… --recovery alice-recovery.txt
            """)

    @Argument(help: "A name, an alias or a CID.", completion: .identityNames)
    var identity: String

    @Option(
        help: ArgumentHelp("The file of its recovery key.", valueName: "file"), completion: .file(),
        transform: FileName.argument)
    var recovery: String?

    @Flag(help: "Do not ask.")
    var yes = false

    @OptionGroup var agent: AgentOptions

    func run() throws {
        let key = try recovery.map(RecoveryKeyFile.init(reading:))
        let (row, document) = try agent.identity(identity)
        if let key { try RecoverySubject.check(key, document, identity, agent) }
        if !yes {
            try Question.confirm(
                "Revoke identity \(SafeText.line(row.shownName)) (\(row.cid)) for ever? This cannot be undone.",
                word: identity)
        }
        // By its CID, so that it is the identity that was shown.
        let cid = try key.map { try revoke(document, $0) } ?? agent.call(.revokeIdentity(row.cid)).cid
        if agent.json {
            try JSON.object([("cid", .string(cid)), ("revokes", .string(row.cid))]).show()
        } else {
            try StandardOutput.line(SafeText.line(cid))
        }
    }

    private func revoke(_ document: SignedIdentity, _ key: RecoveryKeyFile) throws -> String {
        let revocation = try SignedRevocation(
            revoking: document, at: unixMicroseconds() / 1_000_000, by: key.consent)
        return try agent.call(.putBlock(revocation.block, contentType: "application/vnd.ipld.dag-cbor")).cid
    }
}

extension AgentOptions {
    /// The identity that a request made.
    func show(_ answer: AgentResponse) throws {
        guard json else { return try StandardOutput.line(SafeText.line(answer.cid)) }
        guard let row = answer.identities.first else {
            throw DTAError(.internal, "the agent answered without the identity")
        }
        try JSON.object([
            ("cid", .string(row.cid)), ("name", .string(row.name)),
            ("previous", row.previous.isEmpty ? .null : .string(row.previous)),
        ]).show()
    }
}
