import AgentProtocol
import ArgumentParser
import Crypto
import DTABytes
import DTASystem

struct SSHCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ssh", abstract: "Use keys with ssh, git and other programs that know an ssh-agent.",
        subcommands: [
            SSHEnvCommand.self, SSHListCommand.self, SSHAuthorizedKeyCommand.self, SSHShowCommand.self,
            SSHHideCommand.self, SSHConstrainCommand.self, SSHConfirmCommand.self, SSHCertificateCommand.self,
        ])
}

struct SSHEnvCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "env", abstract: "Print the shell's line that makes programs use this agent.",
        discussion: """
            Example:
              eval "$(dtactl ssh env)" && ssh-add -l
            """)

    @OptionGroup var agent: AgentOptions

    func run() throws {
        guard let path = try agent.call(.status()).fields.first(where: { $0.name == "ssh.socket" })?.value else {
            throw Failure.failed(
                .failedPrecondition, "this agent has no socket for ssh",
                hint: "an administrator can enable dtad-ssh.socket, or set ssh.socket in dtad.yaml")
        }
        if agent.json { return try JSON.object([("SSH_AUTH_SOCK", .string(path))]).show() }
        // In single quotes a shell reads nothing but the quote itself.
        let quoted = path.split(separator: "'", omittingEmptySubsequences: false).joined(separator: #"'\''"#)
        try StandardOutput.line("SSH_AUTH_SOCK='\(SafeText.line(quoted))'; export SSH_AUTH_SOCK;")
    }
}

struct SSHListCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List the keys that programs find at ssh.sock, in their order.",
        discussion: """
            Keys with terms under ssh: in dtad.yaml sign there only, and what the terms allow.

            Example:
              dtactl ssh list
            """)

    @OptionGroup var agent: AgentOptions

    func run() throws {
        let answer = try agent.call(AgentRequest(.sshList))
        let keys = answer.sshKeys
        if answer.fields.contains(where: { $0.name == "locked" && $0.value == "yes" }) {
            StandardError.warn("ssh.sock is locked for you; ssh-add -X unlocks it")
        }
        if agent.json { return try JSON.showLines(keys.map { try $0.json }) }
        guard !keys.isEmpty else {
            return StandardError.note("there are no keys for ssh; dtactl key create NAME --type ed25519 makes one")
        }
        var table = Table([
            .init(title: "name", minimum: 12), .init(title: "type"), .init(title: "owner", minimum: 8),
            .init(title: "signs", minimum: 12), .init(title: "fingerprint"),
        ])
        for key in keys {
            table.add([
                .init(key.key.name, .bold), .init(KeyType.name(key.key.type)), .init(key.key.ownerText),
                .init(key.use), .init(try key.fingerprint),
            ])
        }
        try table.show()
    }
}

struct SSHShowCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Show a key to programs at ssh.sock again, or change its place there.",
        discussion: """
            If a host is known, keys for that host come first; of the others, those that you put first.

            Examples:
              dtactl ssh show laptop
              dtactl ssh show laptop --first
            """)

    @Argument(help: "The key's name.", completion: .keyNames)
    var name: String

    @Flag(help: "Offer it before all others.")
    var first = false

    @Flag(help: "Offer it behind all others.")
    var last = false

    @OptionGroup var agent: AgentOptions

    func validate() throws {
        if first && last { throw ValidationError("A key comes --first or --last, and not both.") }
    }

    func run() throws {
        let key = try agent.arrange(name, first ? "first" : last ? "last" : "show")
        if agent.json { return try key.json.show() }
        try StandardOutput.line("key \(SafeText.line(name)) is shown at ssh.sock")
    }
}

struct SSHHideCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "hide", abstract: "Hide a key from programs at ssh.sock, as ssh-add -d does.",
        discussion: """
            Nothing is destroyed. It stays hidden until dtactl ssh show, or until ssh.sock is unlocked.

            Example:
              dtactl ssh hide release
            """)

    @Argument(help: "The key's name.", completion: .keyNames)
    var name: String

    @OptionGroup var agent: AgentOptions

    func run() throws {
        let key = try agent.arrange(name, "hide")
        if agent.json { return try key.json.show() }
        try StandardOutput.line("key \(SafeText.line(name)) is hidden from ssh.sock")
    }
}

extension AgentOptions {
    fileprivate func arrange(_ name: String, _ decision: String) throws -> AgentSSHKey {
        guard let key = try call(.arrangeSSHKey(name, decision: decision)).sshKeys.first else {
            throw DTAError(.internal, "the agent answered without the key")
        }
        return key
    }
}

struct SSHAuthorizedKeyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "authorized-key", abstract: "Write a key's line for authorized_keys.",
        discussion: """
            Example:
              dtactl ssh authorized-key deploy | ssh build.example 'cat >> .ssh/authorized_keys'
            """)

    @Argument(help: "The key's name.", completion: .keyNames)
    var name: String

    @OptionGroup var agent: AgentOptions

    func run() throws {
        let key = try agent.key(name)
        guard !key.isForECDH, let line = try? key.publicHalf?.openSSH(comment: key.name) else {
            throw Failure.failed(
                .failedPrecondition, "key \(name) is \(KeyType.name(key.type)), of which ssh knows nothing",
                hint: "ssh uses ed25519, p256, p384 and RSA keys")
        }
        if agent.json {
            return try JSON.object([("name", .string(key.name)), ("authorized_key", .string(line))]).show()
        }
        try StandardOutput.line(line)
    }
}

extension AgentSSHKey {
    /// As ssh-add -l shows it.
    var fingerprint: String {
        get throws {
            let blob = try key.publicHalf?.sshBlob ?? []
            return "SHA256:" + Base64.encode(Array(SHA256.hash(data: blob))).prefix { $0 != "=" }
        }
    }

    /// What it signs, in short.
    fileprivate var use: String {
        if hidden { return "nothing: hidden" }
        let asked = confirm.isEmpty ? "" : confirm == "session" ? ", asks once a session" : ", asks each time"
        if !destinations.isEmpty { return destinations.joined(separator: ", ") + asked }
        return (sshOnly ? "for ssh only" : "for all") + asked
    }

    var json: JSON {
        get throws {
            .object([
                ("name", .string(key.name)), ("type", .string(KeyType.name(key.type))), ("owner", .string(key.owner)),
                ("comment", .string(comment)), ("ssh_only", .bool(sshOnly)),
                ("hidden", .bool(hidden)), ("confirm", .string(confirm)),
                ("destinations", .array(destinations.map(JSON.string))),
                ("certificates", .number(Int64(certificates.count))),
                ("fingerprint", .string(try fingerprint)),
            ])
        }
    }
}
