import ArgumentParser
import DTAAgent
import DTAConfiguration
import DTAKubo
import DTASystem
import Glibc

struct CheckCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Read the configuration, try the HSM, and say what is in order and what is not.",
        discussion: """
            Exit status 0 if an agent can run with this configuration and use its keys, 1 if it cannot. Run it as \
            dtad's user, or as root: then it reads the configuration, and becomes the owner of the state. It has the \
            token do all that D-TA needs, with keys that it makes and destroys again. A PIN that the token has \
            refused is not tried again. A running agent is not disturbed.

            Example: dtad check --config ~/.dta/dtad.yaml
            """)

    @Option(help: ArgumentHelp("The configuration.", valueName: "file"))
    var config = Dtad.installedConfiguration

    @Flag(help: "Only read the configuration, as a reload does.")
    var configurationOnly = false

    func run() throws {
        signal(SIGPIPE, SIG_IGN)
        if configurationOnly { return try failing { try checkConfigurationOnly() } }
        let report = Report()
        try failing { try reserveDescriptor3() }
        if let caution = report.attempt("configuration", { try load() }),
            report.attempt("state", { try caution.becomeOwner() }) != nil
        {
            let configuration = caution.configuration
            report.good("configuration", "\(config) can be read")
            report.good(
                "grants",
                configuration.grants.isEmpty
                    ? "none: only owners use their keys" : "\(configuration.grants.count) can be understood")
            let state = StateCheck(state: configuration.state).run(report)
            SocketCheck.run(configuration, report)
            HSMCheck(configurationPath: config, configuration: configuration, state: state).run(report)
            checkNode(configuration, report)
            PluginCheck.run(configuration.plugins, report)
        }
        print(report.failures == 0 ? "\nAll is in order." : "\n\(report.failures) of these must be fixed first.")
        if report.failures > 0 { throw ExitCode(1) }
    }

    private func checkConfigurationOnly() throws {
        let configuration = try Configuration.load(config)
        try Agent.checkedPolicy(configuration)
        print("\(config) can be read, with \(counted(configuration.grants.count, "grant")) that can be understood")
    }

    private func load() throws -> RootCaution {
        let caution = try RootCaution(config)
        try Agent.checkedPolicy(caution.configuration)
        return caution
    }

    /// dtad runs without the node, so it is no failure if the node is away.
    private func checkNode(_ configuration: Configuration, _ report: Report) {
        guard let options = configuration.kubo else {
            return report.good("ledger", "kept on this host, without an IPFS node")
        }
        if options.api.needsNetwork {
            report.note(
                "network",
                "\(options.api) is reached by TCP, and dtad.service has no network: it takes the drop-in kubo-tcp.conf")
        }
        guard let client = report.attempt("ledger", { try KuboClient(options) }),
            report.attempt("ledger", { try checkAuthorities(options) }) != nil
        else { return }
        do {
            let (version, peer) = (try client.version(), try client.id())
            report.good("ledger", "\(client.name) answers: Kubo \(version), peer \(peer)")
        } catch {
            let reason = (error as? KuboError)?.error ?? DTAError(error)
            report.note("ledger", reason.message + (reason.hintText.isEmpty ? "" : " (\(reason.hintText))"))
        }
    }

    /// curl reads them only at the first connection.
    private func checkAuthorities(_ options: Configuration.Kubo) throws {
        guard let path = options.certificateAuthorities else { return }
        let number = open(path, O_RDONLY | O_CLOEXEC)
        guard number >= 0 else {
            throw DTAError(.notFound, "ledger.kubo.ca_file: \(path) cannot be read: \(errorText(errno))")
        }
        let file = Descriptor(owning: number)
        var bytes = [UInt8](repeating: 0, count: 1 << 20)
        let count = try bytes.withUnsafeMutableBytes { try file.fill($0) }
        guard String(decoding: bytes.prefix(count), as: UTF8.self).contains("-----BEGIN CERTIFICATE-----") else {
            throw DTAError(.failedPrecondition, "ledger.kubo.ca_file: \(path) has no certificate in PEM form")
        }
    }
}
