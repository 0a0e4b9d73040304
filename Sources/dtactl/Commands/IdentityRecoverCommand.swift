import AgentProtocol
import ArgumentParser
import DTAFormats
import DTASystem

struct IdentityRecoverCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "recover",
        abstract: "Replace an identity by its offline recovery key, and print the new CID.",
        discussion: """
            For keys that are stolen, broken, or on a host that is lost: the identity's document must be known here, its keys
            need not be. The new identity overrules what a thief made of the old one, before or after. The recovery key
            is used here and never given to the agent.

            If a thief has rotated the identity already, name the last one that was yours by its CID: dtactl
            identity history NAME shows it.

            Example:
              dtactl identity recover alice --recovery alice-recovery.txt
              dtactl identity recover bafy… --recovery alice-recovery.txt --as alice --new-recovery alice-2.txt
            """)

    @Argument(help: "What is recovered: a name, an alias or a CID.", completion: .identityNames)
    var identity: String

    @Option(
        help: ArgumentHelp("The file of its recovery key.", valueName: "file"), completion: .file(),
        transform: FileName.argument)
    var recovery: String

    @Option(
        name: .customLong("as"),
        help: ArgumentHelp(
            "The new identity's name here; by default the old one's, if its keys are here.", valueName: "name"))
    var name: String?

    @Option(
        help: ArgumentHelp(
            "Make a new recovery key and write it to this new file; without it the old one goes on.", valueName: "file"),
        completion: .file(),
        transform: FileName.argument)
    var newRecovery: String?

    @OptionGroup var postQuantum: PostQuantumOption

    @OptionGroup var agent: AgentOptions

    func run() throws {
        let key = try RecoveryKeyFile(reading: recovery)
        let (row, document) = try agent.identity(identity)
        try RecoverySubject.check(key, document, identity, agent)
        guard let name = name ?? (row.own ? row.name : nil) else {
            throw Failure.usage(
                "the keys of this identity were not on this host: the new one needs a name here", hint: "add --as NAME")
        }
        let answer = try NewRecoveryKey.made(newRecovery, for: name) { fingerprint in
            try recover(document, as: name, key, fingerprint)
        }
        try agent.show(answer)
    }

    private func recover(
        _ old: SignedIdentity, as name: String, _ key: RecoveryKeyFile, _ fingerprint: [UInt8]
    ) throws -> AgentResponse {
        let client = agent.connect()
        let draft = try client.call(
            .recoverIdentity(old.cid.description, as: name, recovery: fingerprint, postQuantum: postQuantum.pq),
            timeout: .seconds(120))
        let new = try Identity(encoded: [UInt8](draft.data))
        try check(new, replaces: old, fingerprint)
        let answer = try client.call(
            .finishRecovery(
                draft.cursor, key: key.publicKey.raw,
                signature: key.sign(context: SignedBytes.identity, hash: new.hash)),
            timeout: .seconds(120))
        let made = try agent.identity(answer.cid).document
        guard made.identity == new, try made.verifySuccession(of: old) == .recovery else {
            throw DTAError(.dataLoss, "the agent made another identity than the one that the recovery key signed")
        }
        return answer
    }

    /// The recovery key signs only what the person asked for, even if the agent answers something else.
    private func check(_ new: Identity, replaces old: SignedIdentity, _ fingerprint: [UInt8]) throws {
        let expected = fingerprint.isEmpty ? old.identity.recovery : fingerprint
        guard new.previous == old.cid, new.name == old.identity.name, new.recovery == expected,
            new.signing != old.identity.signing, new.kem != old.identity.kem,
            (new.pq != nil) == (postQuantum.pq || old.identity.pq != nil)
        else {
            throw DTAError(
                .dataLoss,
                "the agent answered an identity that is not the one that was asked for: the recovery key did not sign it",
                hint: "look after the agent of this host before the key is used on it again")
        }
    }
}

/// The identity for which a recovery key is used.
enum RecoverySubject {
    /// - Throws: if the identity names another key; if others of its line name this key, the hint lists them.
    static func check(
        _ key: RecoveryKeyFile, _ document: SignedIdentity, _ subject: String, _ agent: AgentOptions
    ) throws {
        guard document.identity.recovery != key.publicKey.fingerprint else { return }
        let fitting = try agent.call(.identityHistory(subject)).identities.map(\.cid).filter { cid in
            (try? agent.identity(cid).document.identity.recovery) == key.publicKey.fingerprint
        }
        let names = document.identity.recovery == nil ? "names no recovery key" : "names another recovery key"
        throw Failure.failed(
            .failedPrecondition, "the identity \(document.cid) \(names)",
            hint: fitting.isEmpty
                ? "" : "of the same line, the key is that of \(fitting.prefix(4).joined(separator: ", "))")
    }
}
