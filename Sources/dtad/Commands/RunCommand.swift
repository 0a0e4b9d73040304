import AgentProtocol
import ArgumentParser
import DTAConfiguration
import DTASSH
import DTAService
import DTASystem

struct RunCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run", abstract: "Run the agent in the foreground.",
        discussion: """
            Listens on the socket that systemd passes under the name "agent"; else on --socket, else on socket: in \
            the configuration. The agent protocol of SSH is spoken on the socket "ssh", on --ssh-socket, or on \
            ssh.socket: in the configuration. SIGTERM finishes running requests and stops; SIGHUP reads the grants again.

            Example: dtad run --config ~/.dta/dtad.yaml --socket ~/.dta/agent.sock
            """)

    @Option(help: ArgumentHelp("The configuration.", valueName: "file"))
    var config = Dtad.installedConfiguration

    @Option(help: ArgumentHelp("The socket to listen on if systemd passes none.", valueName: "path"))
    var socket: String?

    @Option(
        help: ArgumentHelp("The socket for ssh, git and other programs that use an ssh-agent.", valueName: "path"))
    var sshSocket: String?

    func run() throws {
        Signals.block()
        Allocator.returnLargeBuffers()
        let shortfalls = Hardening.apply()
        let refused = RefusedStart()
        do {
            try reserveDescriptor3()
            let caution = try RootCaution(config)
            try caution.checkConfiguration()
            let service = try Service(
                configuration: caution.configuration, configurationPath: config, socket: socket,
                sshSocket: sshSocket, shortfalls: shortfalls)
            try service.run()
        } catch let exit as ExitCode {
            throw exit
        } catch {
            let reason = DTAError(error)
            printError("dtad: \(reason.message)")
            if !reason.hintText.isEmpty { printError("hint: \(reason.hintText)") }
            let answer = try? AgentFrame.encode(AgentResponse(id: 0, error: RunCommand.told(reason)))
            refused.tell(reason.message) {
                $0 == ListeningSocket.sshName ? SSHAgentAnswer.failure.frame : answer ?? []
            }
            throw ExitCode(RefusedStart.status(for: reason))
        }
    }

    /// The error for clients, whose requests are not at fault.
    private static func told(_ reason: DTAError) -> DTAError {
        var told = reason.saying("the agent cannot start: \(reason.message)")
        told.code = .unavailable
        return told
    }
}
