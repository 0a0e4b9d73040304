import ArgumentParser
import DTASystem
import Glibc

struct InitCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "init", abstract: "Make a token, its sealing keys, a state directory and a configuration.",
        discussion: """
            Never overwrites anything, and removes what it made if a step fails. With SoftHSM (the default) it makes \
            a token with random PINs; with another module it uses a token that the vendor's tool has made, whose PIN \
            is in --pin-file. As root with --state /var/lib/dtad, it makes the layout of the units: the state \
            belongs to dtad, the token to dta-hsm, the PINs to root.

            Example: dtad init --state ~/.dta
            """)

    @Option(help: ArgumentHelp("The state directory; it is made if it is missing.", valueName: "dir"))
    var state: String

    @Option(help: ArgumentHelp("The PKCS#11 module.", valueName: "path"))
    var module = "/usr/lib/softhsm/libsofthsm2.so"

    @Option(help: ArgumentHelp("The token's label, up to 32 bytes of UTF-8; spaces are allowed.", valueName: "label"))
    var token = "dta"

    @Option(
        help: ArgumentHelp(
            "The configuration to write (default: dtad.yaml in the state directory; /etc/dtad/dtad.yaml for /var/lib/dtad).",
            valueName: "file"))
    var config: String?

    @Option(help: ArgumentHelp("The PIN of an existing token.", valueName: "file"))
    var pinFile: String?

    func run() throws {
        signal(SIGPIPE, SIG_IGN)
        try failing {
            let plan = try InitPlan(
                state: state, module: module, token: token, configuration: config, existingPINFile: pinFile)
            let report = try plan.carryOut()
            for line in report { print(line) }
        }
    }
}
