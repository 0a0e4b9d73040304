import AgentServer
import ArgumentParser
import CustodyProtocol
import DTAConfiguration
import DTACore
import DTAKubo
import DTASystem
import Glibc

struct CheckCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Read the configuration, try the HSM, and say what is in order and what is not.",
        discussion: """
            Exit status 0 when an agent can run with this configuration, 1 when it cannot. Run it as the user that dtad
            runs as, or as root: then it becomes that user, whose state it looks at, once it has read the configuration.

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
        if let configuration = report.attempt("configuration", { try Configuration.load(config) }),
            report.attempt("state", { try RootCaution.becomeOwner(config, state: configuration.state) }) != nil
        {
            report.good("configuration", "\(config) can be read")
            checkGrants(configuration, report)
            checkState(configuration, report)
            checkHSM(configuration, report)
            checkNode(configuration, report)
            PluginCheck.run(configuration.plugins, report)
        }
        print(report.failures == 0 ? "\nAll is in order." : "\n\(report.failures) of these must be mended first.")
        if report.failures > 0 { throw ExitCode(1) }
    }

    private func checkConfigurationOnly() throws {
        let configuration = try Configuration.load(config)
        _ = try Policy(configuration.grants, couriers: configuration.couriers)
        print("\(config) can be read, and its \(configuration.grants.count) grants can be understood")
    }

    private func checkGrants(_ configuration: Configuration, _ report: Report) {
        guard report.attempt("grants", { try Policy(configuration.grants, couriers: configuration.couriers) }) != nil
        else { return }
        report.good(
            "grants",
            configuration.grants.isEmpty
                ? "none: only owners use their keys" : "\(configuration.grants.count) can be understood")
    }

    private func checkState(_ configuration: Configuration, _ report: Report) {
        var status = stat()
        guard stat(configuration.state, &status) == 0 else {
            return report.bad("state", "\(configuration.state): \(errorText(errno))", "dtad init --state DIR makes it")
        }
        if status.st_mode & S_IFMT != S_IFDIR {
            report.bad("state", "\(configuration.state) is not a directory")
        } else if status.st_mode & (S_IRWXG | S_IRWXO) != 0 {
            report.bad("state", "others may look into \(configuration.state)", "chmod 700 \(configuration.state)")
        } else {
            report.good(
                "state", "\(configuration.state) belongs to \(UserDatabase.caller(uid: status.st_uid).display) alone")
        }
    }

    private func checkHSM(_ configuration: Configuration, _ report: Report) {
        let launcher = CustodyLauncher(configurationPath: config, configuration: configuration.hsm)
        let process = report.attempt("HSM") {
            do {
                return try launcher.launch()
            } catch let error as CustodyLaunchError {
                throw error.reason
            }
        }
        guard let process else { return }
        defer { process.end() }
        guard let token = report.attempt("HSM", { try process.custodian.describe() }) else { return }
        report.good("HSM", "token \"\(token.label)\" (\(token.model), serial \(token.serial)) by \(token.library)")
        let missing = KeyType.allCases.filter { !token.keyTypes.contains($0) }
        let has = "it makes " + token.keyTypes.map(\.name).joined(separator: ", ")
        if missing.isEmpty {
            report.good("mechanisms", has)
        } else {
            report.note("mechanisms", has + ", but not " + missing.map(\.name).joined(separator: ", "))
        }
        if !token.memoryShortfall.isEmpty { report.note("memory", token.memoryShortfall) }
        checkKeys(configuration, process.custodian, report)
        checkWall(configuration, token, report)
    }

    /// Whether this token is the one that the state belongs to.
    private func checkKeys(_ configuration: Configuration, _ custodian: any Custodian, _ report: Report) {
        let found = report.attempt("keys") {
            try StateInspection(state: configuration.state, custodian: custodian)
        }
        guard let found else { return }
        guard let inspection = found else { return report.note("keys", "none: no agent has run on this state yet") }
        if let sentence = inspection.unbound.sentence { report.note("bindings", sentence) }
        checkEpochs(inspection, report)
        let count = inspection.keys + inspection.identities + inspection.orderKeys
        guard !inspection.damages.isEmpty else {
            return report.good(
                "keys",
                "the \(inspection.keys) keys and \(inspection.identities) identities of the state are on the token"
                    + (inspection.orderKeys == 0 ? "" : ", and \(inspection.orderKeys) keys of orders"))
        }
        for damage in inspection.damages.prefix(10) { report.note("keys", damage) }
        report.bad(
            "keys",
            "\(inspection.damages.count) of the state's \(count) keys and identities cannot be used with this token",
            "state and token belong together: put the token, or the backup that fits it, in place")
    }

    /// What is on the token of epochs and should not be; an agent can run all the same.
    private func checkEpochs(_ inspection: StateInspection, _ report: Report) {
        func labels(_ numbers: [UInt32]) -> String {
            numbers.prefix(10).map { "dta/epoch/\($0)" }.joined(separator: ", ")
                + (numbers.count > 10 ? " and \(numbers.count - 10) more" : "")
        }
        if !inspection.unknownEpochs.isEmpty {
            report.note(
                "epochs",
                "the state does not know the keys \(labels(inspection.unknownEpochs)) on the token; no receipt of a "
                    + "destruction says done as long as they are there (dtactl order epochs)")
        }
        if !inspection.returnedEpochs.isEmpty {
            report.note(
                "epochs",
                "the keys \(labels(inspection.returnedEpochs)) were destroyed and are on the token again: dtad destroys "
                    + "them at its start")
        }
    }

    /// A node that is away keeps nothing from running, so it is no failure.
    private func checkNode(_ configuration: Configuration, _ report: Report) {
        guard let options = configuration.kubo else {
            return report.good("ledger", "kept on this host, without an IPFS node")
        }
        if options.api.needsNetwork {
            report.note(
                "network",
                "\(options.api) is reached by TCP, and dtad.service has no network: it takes the drop-in kubo-tcp.conf")
        }
        guard let client = report.attempt("ledger", { try KuboClient(options) }) else { return }
        do {
            let (version, peer) = (try client.version(), try client.id())
            report.good("ledger", "\(client.name) answers: Kubo \(version), peer \(peer)")
        } catch {
            let reason = (error as? KuboError)?.error ?? DTAError(error)
            report.note("ledger", reason.message + (reason.hint.isEmpty ? "" : " (\(reason.hint))"))
        }
    }

    private func checkWall(_ configuration: Configuration, _ token: TokenDescription, _ report: Report) {
        var status = stat()
        let front = stat(configuration.state, &status) == 0 ? status.st_uid : geteuid()
        let custodian = UserDatabase.caller(uid: token.uid).display
        if configuration.hsm.socket == nil {
            report.note(
                "wall",
                "there is none: dtad starts dtad-hsm as its own user, who can read the token and the PIN; "
                    + "the units dtad-hsm.socket and dtad-hsm@.service make one")
        } else if token.uid == front {
            report.bad("wall", "dtad-hsm runs as \(custodian), and so does dtad", "User=dta-hsm in dtad-hsm@.service")
        } else {
            report.good("wall", "it stands: dtad-hsm runs as \(custodian)")
        }
    }
}
