import AgentProtocol
import ArgumentParser
import DTASystem

struct SSHConfirmCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "confirm", abstract: "Have yourself asked before a key signs, as ssh-add -c does.",
        discussion: """
            From then on the key signs at ssh.sock only, and only while dtactl confirm --listen runs as the user who \
            wants the signature. It holds for each user of the key.

            Examples:
              dtactl ssh confirm laptop
              dtactl ssh confirm laptop --session
              dtactl ssh confirm laptop --none
            """)

    @Argument(help: "The key's name.", completion: .keyNames)
    var name: String

    @Flag(help: "Ask once an SSH session, and not before each signature.")
    var session = false

    @Flag(help: "Do not ask any more.")
    var none = false

    @OptionGroup var agent: AgentOptions

    func validate() throws {
        if session && none { throw ValidationError("Give --session or --none, and not both.") }
    }

    func run() throws {
        let decision = none ? "none" : session ? "session" : "each"
        let key = try agent.call(.confirmSSHKey(name, decision: decision)).sshKeys.first
        if agent.json { return try key?.json.show() ?? () }
        let shown = "key \(SafeText.line(name))"
        try StandardOutput.line(
            none
                ? "\(shown) signs without a question"
                : "\(shown) signs after a question \(session ? "once a session" : "each time"), at ssh.sock only")
    }
}
