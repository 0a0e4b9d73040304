import ArgumentParser
import DTAConfiguration
import DTASystem
import Glibc

struct PINCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pin", abstract: "Change the PIN of the token.", subcommands: [PINChangeCommand.self])
}

struct PINChangeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "change", abstract: "Give the token a new PIN, and store it for dtad-hsm.",
        discussion: """
            The PIN is random, of 32 characters or as many as the token takes, unless --pin-file names a file with \
            another one. It is read from and written to the file hsm-pin beside the configuration, or hsm-pin.cred, \
            which systemd-creds encrypted; if dtad starts dtad-hsm itself, the file of hsm.pin_file.

            The agent may run meanwhile: processes that have logged in go on, and later ones take the new PIN. If \
            this command is stopped, running it again finishes the change, with at most one attempt for each of the \
            two PINs.

            Example: dtad pin change
            """)

    @Option(help: ArgumentHelp("The configuration.", valueName: "file"))
    var config = Dtad.installedConfiguration

    @Option(help: ArgumentHelp("The new PIN: one line, in a file of mode 0600.", valueName: "file"))
    var pinFile: String?

    func run() throws {
        umask(0o077)
        signal(SIGPIPE, SIG_IGN)
        try failing {
            let path = try InitPlan.absolute(config)
            let caution = try RootCaution(path)
            let configuration = caution.configuration
            let chosen = try pinFile.map(PINFile.read)
            if configuration.hsm.socket == nil {
                // Configuration, PIN and token belong to the owner of the state.
                try caution.becomeOwner()
            } else {
                try caution.checkIsRootsAlone()
            }
            let rotation = try PINRotation(path, configuration.hsm)
            let outcome = try rotation.carryOut(chosen)
            let token = configuration.hsm.tokenLabel ?? configuration.hsm.tokenSerial ?? ""
            switch outcome {
            case .changed: print("changed         the token \"\(token)\" has a new PIN")
            case .finished:
                print("finished        a change of the PIN of the token \"\(token)\" that was interrupted")
                if chosen != nil {
                    print("                the PIN of --pin-file was not used: run this again to set it")
                }
            }
            print(
                """
                PIN             \(rotation.path)
                                keep a copy of it in a safe
                running         dtad goes on; each dtad-hsm that starts from now on takes the new PIN
                """)
        }
    }
}
