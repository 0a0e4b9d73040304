import ArgumentParser
import DTABytes
import DTACore
import DTAMaintenance
import DTASystem
import Glibc

struct RestoreCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "restore", abstract: "Make a state directory from a backup.",
        discussion: """
            Verifies all of the backup before the directory appears. An existing directory must be empty; it keeps \
            its owner. The token, the PIN and the configuration are not in a backup: put them back first. If root \
            runs it, it makes the files as the directory's owner.

            Example: dtad restore /root/dta.tar --state /var/lib/dtad
            """)

    @Argument(help: ArgumentHelp("The file that dtad backup wrote.", valueName: "file"))
    var file: String

    @Option(help: ArgumentHelp("The state directory to make.", valueName: "dir"))
    var state: String

    @Option(help: ArgumentHelp("Refuse any backup but the one with this fingerprint.", valueName: "hex"))
    var fingerprint: String?

    func run() throws {
        umask(0o077)
        try failing {
            let state = try InitPlan.absolute(state)
            let restoration = try Restoration(
                backup: file, state: state, newOwner: InitPlan.ownerOfInstalledState(state))
            let made = try restoration.carryOut(fingerprint: fingerprint?.lowercased())
            print("restored        \(made.state)")
            print("backup          made at \(UTCTime.text(made.made)) by dtad \(made.version)")
            print("fingerprint     \(made.fingerprint)")
            if made.orders > 0 {
                print(
                    """
                    orders          \(made.orders) are not over: as their fiduciary this host does nothing with them by itself,
                                    until they are compared with what others have (dtactl order fulfil --resume)
                    """)
            }
            print(
                """
                needs           the token "\(made.token)" as it was then, or later: keys and identities that are not on
                                the token are out of use. Keys made after the backup are on the token without a name.

                next: dtad check --config FILE, with state: \(made.state) in it
                """)
        }
    }
}
