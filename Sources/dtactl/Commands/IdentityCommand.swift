import AgentProtocol
import ArgumentParser
import DTAFormats
import DTASystem

struct IdentityCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "identity", abstract: "Identities: senders and recipients, and which of them this host trusts.",
        subcommands: [
            IdentityCreateCommand.self, IdentityListCommand.self, IdentityShowCommand.self, IdentityHistoryCommand.self,
            IdentityRotateCommand.self, IdentityRevokeCommand.self, IdentityRecoverCommand.self,
            IdentityImportCommand.self, IdentityExportCommand.self, IdentityTrustCommand.self,
            IdentityDistrustCommand.self,
        ])
}

struct IdentityCreateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "create", abstract: "Make an identity with its keys in the HSM, and print its CID.",
        discussion: """
            With --recovery a key is made beside it that the agent never sees, and written to a new file. With that
            file anybody can replace or revoke the identity, also when its keys are lost or stolen: keep it offline.

            Example:
              alice=$(dtactl identity create alice --recovery alice-recovery.txt)
            """)

    @Argument(help: "Its name: 1 to 64 of a-z A-Z 0-9 . _ -")
    var name: String

    @Option(
        help: ArgumentHelp("Make an offline recovery key and write it to this new file.", valueName: "file"),
        completion: .file(),
        transform: FileName.argument)
    var recovery: String?

    @OptionGroup var postQuantum: PostQuantumOption

    @OptionGroup var agent: AgentOptions

    func run() throws {
        let answer = try NewRecoveryKey.made(recovery, for: name) { fingerprint in
            try agent.call(
                .createIdentity(name, recovery: fingerprint, postQuantum: postQuantum.pq), timeout: .seconds(120))
        }
        if agent.json {
            try JSON.object([("cid", .string(answer.cid)), ("name", .string(name))]).show()
        } else {
            try StandardOutput.line(SafeText.line(answer.cid))
        }
    }
}

/// `--pq`, for every command that makes an identity.
struct PostQuantumOption: ParsableArguments {
    @Flag(help: "With an ML-DSA-65 key too: documents then need both signatures. A successor keeps such a key.")
    var pq = false
}

/// A recovery key that is made together with an identity.
enum NewRecoveryKey {
    /// Writes the key, if one is wanted, before `body` makes the identity with its fingerprint (empty: none).
    static func made<Result>(_ path: String?, for name: String, _ body: ([UInt8]) throws -> Result) throws -> Result {
        guard let path else { return try body([]) }
        let file = try RecoveryKeyFile.make(path, for: name)
        let result = try file.discarding { try body(file.publicKey.fingerprint) }
        file.tellHowToKeep()
        return result
    }
}
