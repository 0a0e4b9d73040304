import AgentProtocol
import ArgumentParser
import DTASSH
import DTASystem

struct SSHConstrainCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "constrain", abstract: "Say at which hosts a key may log in; it then signs nothing else for ssh.",
        discussion: """
            A destination is what ssh-add -h takes: [FROM>][USER@]HOST. FROM is the host to which the agent is \
            forwarded. Hosts are known by their keys in known_hosts files, as they are now. The destinations replace \
            earlier ones; --none removes them.

            Examples:
              dtactl ssh constrain laptop build.example git@code.example
              dtactl ssh constrain laptop bastion.example 'bastion.example>deploy@inner.example'
              dtactl ssh constrain laptop --none
            """)

    @Argument(help: "The key's name.", completion: .keyNames)
    var name: String

    @Argument(help: "Where the key may be used.")
    var destinations: [String] = []

    @Option(
        help: ArgumentHelp(
            "A file with the hosts' keys; by default ~/.ssh/known_hosts and /etc/ssh/ssh_known_hosts.",
            valueName: "file"), completion: .file(), transform: FileName.argument)
    var knownHosts: [String] = []

    @Flag(help: "Remove all destinations.")
    var none = false

    @OptionGroup var agent: AgentOptions

    func validate() throws {
        guard none == destinations.isEmpty else {
            throw ValidationError("Give destinations, or --none to remove those that there are.")
        }
    }

    func run() throws {
        let texts = try none ? [] : hostFiles()
        let read = try destinations.map { try destination($0, texts) }
        let key = try agent.call(.constrainSSHKey(name, destinations: SSHDestination.encode(read))).sshKeys.first
        if agent.json { return try key?.json.show() ?? () }
        let shown = key?.destinations.map(SafeText.line).joined(separator: ", ") ?? ""
        try StandardOutput.line(
            none ? "key \(SafeText.line(name)) is no longer constrained" : "key \(SafeText.line(name)) is for \(shown)")
    }

    private func hostFiles() throws -> [String] {
        if !knownHosts.isEmpty { return try knownHosts.map(text) }
        let home = environment("HOME").map { ["\($0)/.ssh/known_hosts"] } ?? []
        return (home + ["/etc/ssh/ssh_known_hosts"]).compactMap { try? text($0) }
    }

    private func text(_ path: String) throws -> String {
        String(decoding: try InputFile(path).all(limit: 4 << 20), as: UTF8.self)
    }

    private func destination(_ text: String, _ files: [String]) throws -> SSHDestination {
        let hops = text.split(separator: ">", maxSplits: 1, omittingEmptySubsequences: false)
        let place = (hops.last ?? "").split(separator: "@", maxSplits: 1, omittingEmptySubsequences: false)
        guard let name = place.last, (hops + place).allSatisfy({ !$0.isEmpty }) else {
            throw Failure.usage("\(text) is no destination", hint: "it is [FROM>][USER@]HOST")
        }
        return SSHDestination(
            from: hops.count == 2 ? try host(hops[0], files) : nil, to: try host(name, files),
            user: place.count == 2 ? String(place[0]) : nil)
    }

    private func host(_ name: Substring, _ files: [String]) throws -> SSHDestination.Host {
        let keys = files.flatMap { SSHKnownHosts.keys(of: String(name), in: $0) }
        guard !keys.isEmpty else {
            throw Failure.failed(
                .notFound, "no key of host \(name) is known",
                hint: "log in there once, or name a file by --known-hosts; a port is written as [HOST]:PORT")
        }
        return .known(String(name), Array(keys.prefix(SSHDestination.keyLimit)))
    }
}
