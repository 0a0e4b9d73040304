import AgentProtocol
import ArgumentParser

struct KeyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "key", abstract: "Make, import, show and delete keys in the HSM.",
        subcommands: [
            KeyCreateCommand.self, KeyListCommand.self, KeyShowCommand.self, KeyPublicCommand.self,
            KeyDeleteCommand.self, KeyImportCommand.self, KeyCertificateCommand.self, KeyIDCommand.self,
            KeyUnnamedCommand.self,
        ])
}

struct KeyCreateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "create", abstract: "Make a key that never leaves the HSM.",
        discussion: """
            ed25519, p256, p384 and secp256k1 sign; hmac-sha256 makes MACs; aes256 encrypts. rsa3072 and rsa4096 are for \
            programs that know nothing newer: they sign, and decrypt by OAEP. Making one takes seconds, and on some HSMs \
            a minute. rsa2048 needs --legacy: its strength is for what ends before 2031. p256-ecdh and p384-ecdh agree on \
            secrets by ECDH, for programs that use PKCS#11.

            Example:
              dtactl key create release --type p256
            """)

    @Argument(help: "Its name: 1 to 64 of a-z A-Z 0-9 . _ -")
    var name: String

    @Option(name: [.long, .customShort("t")], help: "What kind of key.")
    var type: KeyType

    @Flag(help: "Allow rsa2048.")
    var legacy = false

    @OptionGroup var agent: AgentOptions

    func validate() throws {
        if type == .rsa2048, !legacy {
            throw ValidationError("rsa2048 is for old things only: take rsa3072, or add --legacy.")
        }
    }

    func run() throws {
        // Some tokens need many seconds to make a key, and two minutes for one of RSA.
        let keys = try agent.call(
            .createKey(name, type: type.wire), timeout: .seconds(150),
            waitingFor: type.isRSA ? "the HSM, which looks for the primes of an \(type.rawValue) key" : "the agent"
        ).keys
        for key in keys {
            if agent.json {
                try key.json.show()
            } else {
                try StandardOutput.line("created \(KeyType.name(key.type)) key \(SafeText.line(key.name))")
            }
        }
    }
}

struct KeyListCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List the keys that you may see.",
        discussion: """
            Example:
              dtactl key list
              dtactl key list --json | jq -r .name
            """)

    @OptionGroup var agent: AgentOptions

    func run() throws {
        let keys = try agent.all(.keyList, \.keys)
        if agent.json { return try JSON.showLines(keys.map(\.json)) }
        guard !keys.isEmpty else {
            return StandardError.note("there are no keys that you may see; dtactl key create NAME --type T makes one")
        }
        var table = Table([
            .init(title: "name", minimum: 12), .init(title: "type"), .init(title: "owner", minimum: 8),
            TimeColumn.column("created"),
        ])
        for key in keys {
            table.add([
                .init(key.name, .bold), .init(key.typeText), .init(key.ownerText),
                .init(TimeColumn.text(key.created)),
            ])
        }
        try table.show()
    }
}

struct KeyShowCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Show a key with its public half.",
        discussion: """
            Example:
              dtactl key show release
            """)

    @Argument(help: "The key's name.", completion: .keyNames)
    var name: String

    @OptionGroup var agent: AgentOptions

    func run() throws {
        let key = try agent.key(name)
        if agent.json { return try key.json.show() }
        var details = Details()
        details.add("name", key.name, .bold)
        details.add("type", key.typeText)
        details.add("owner", key.ownerText)
        details.add("created", HumanUnits.time(unixSeconds: key.created))
        if let pem = try key.publicHalf?.pem {
            details.add("public key", String(pem.dropLast()))
        }
        try details.show()
    }
}

struct KeyDeleteCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "delete", abstract: "Destroy a key, for ever.",
        discussion: """
            On a terminal the command asks first; elsewhere --yes is needed.

            Example:
              dtactl key delete old-release --yes
            """)

    @Argument(help: "The key's name.", completion: .keyNames)
    var name: String

    @Flag(help: "Do not ask.")
    var yes = false

    @OptionGroup var agent: AgentOptions

    func run() throws {
        if !yes {
            try Question.requireTerminal()
            // If the key does not exist, or is not the caller's, do not ask.
            try agent.requireMayManage(name)
            try Question.confirm(
                "Destroy key \(SafeText.line(name)) for ever? What it signed stays, what it encrypted is lost.",
                word: name)
        }
        _ = try agent.call(.deleteKey(name))
        if agent.json {
            try JSON.object([("name", .string(name)), ("deleted", .bool(true))]).show()
        } else {
            try StandardOutput.line("deleted key \(SafeText.line(name))")
        }
    }
}

extension AgentOptions {
    /// - Throws: if the key does not exist, or the caller may not delete it, with the error that the agent would give.
    fileprivate func requireMayManage(_ name: String) throws {
        _ = try key(name)
        let answer = try call(.explainPolicy(subject: name, permission: "manage", uid: nil))
        guard !answer.valid else { return }
        throw Failure.failed(
            .permissionDenied, "you may not delete key \(name)",
            hint: answer.lines.first ?? "dtactl policy explain says why")
    }
}
