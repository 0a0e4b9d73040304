import ArgumentParser
import DTAConfiguration
import DTAMaintenance
import DTASystem

struct BackupCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "backup", abstract: "Write the agent's state and its ledger to one file.",
        discussion: """
            The agent may run meanwhile. The file is a tar archive that only its owner may read; it appears when it \
            is complete. It does not hold the token, the PIN and the configuration. Back the token up by the means \
            of its vendor (SoftHSM: copy its directory while all units of dtad are stopped).

            It makes a copy of the database beside the backup. If root runs it, it reads the state directory as the \
            directory's owner, and the copy is in that directory.

            Example: dtad backup /root/dta.tar
            """)

    @Argument(help: ArgumentHelp("The file to write.", valueName: "file"))
    var file: String

    @Option(help: ArgumentHelp("The configuration.", valueName: "file"))
    var config = Dtad.installedConfiguration

    @Flag(help: "Replace the file if it is there. Devices, pipes, folders and links are never replaced.")
    var force = false

    func run() throws {
        try failing {
            let caution = try RootCaution(config)
            try caution.check()
            let configuration = caution.configuration
            let token = configuration.hsm.tokenLabel ?? configuration.hsm.tokenSerial ?? ""
            let made = try Backup(state: configuration.state, token: token).write(to: file, replacing: force)
            print("backup          \(made.path), \(made.size) bytes")
            print("fingerprint     \(made.fingerprint)")
            print("holds           the database with its ledger, the audit log, \(bodies(made.bodies))")
            print(
                """
                does not hold   the token "\(token)": the HSM gives no private key away. Back it up by its vendor's
                                means; SoftHSM's is a directory, to be copied while all of dtad is stopped.
                                Without this token the backup opens no envelope and signs nothing.
                                Nor the PIN, nor \(config).
                """)
        }
    }

    private func bodies(_ count: Int) -> String {
        switch count {
        case 0: "no large bodies"
        case 1: "1 large body"
        default: "\(count) large bodies"
        }
    }
}
