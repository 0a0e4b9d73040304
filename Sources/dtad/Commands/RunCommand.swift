import ArgumentParser
import DTAConfiguration
import DTASystem

struct RunCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run", abstract: "Run the agent in the foreground.",
        discussion: """
            Listens on the socket that systemd passes in under the name "agent"; else on --socket, else on socket: in the
            configuration. SIGTERM finishes what runs and stops; SIGHUP reads the grants again.

            Example: dtad run --config ~/.dta/dtad.yaml --socket ~/.dta/agent.sock
            """)

    @Option(help: ArgumentHelp("The configuration.", valueName: "file"))
    var config: String

    @Option(help: ArgumentHelp("Where to listen when systemd passes no socket.", valueName: "path"))
    var socket: String?

    func run() throws {
        Signals.block()
        Allocator.returnLargeBuffers()
        let shortfalls = Hardening.apply()
        try failing {
            try reserveDescriptor3()
            let configuration = try Configuration.load(config)
            let service = try Service(
                configuration: configuration, configurationPath: config, socket: socket, shortfalls: shortfalls)
            try service.run()
        }
    }
}
