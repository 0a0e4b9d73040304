import ArgumentParser
import DTASystem
import Glibc

@main
struct Dtactl: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "dtactl",
        abstract: "Talk to D-TA's agent: keys in an HSM, identities, envelopes, and orders.",
        usage: "dtactl <command> [--json] [--socket PATH] [--timeout TIME]",
        discussion: """
            The agent's socket is --socket, else $DTA_SOCKET, else /run/dtad/agent.sock.
            Files: - is standard input or standard output.
            Exit codes: 0 done, 1 refused or failed, 2 wrong usage, 3 the agent cannot be reached.
            Times are shown in the time zone of $TZ, which stands beside them; TZ=UTC shows them in UTC.

            Examples:
              dtactl status
              dtactl key create release --type p256
              dtactl sign release build.tar.gz --format der --out build.tar.gz.sig
            """,
        version: Version.current,
        subcommands: [StatusCommand.self],
        groupedSubcommands: [
            CommandGroup(
                name: "Keys",
                subcommands: [
                    KeyCommand.self, SignCommand.self, VerifyCommand.self, MacCommand.self, EncryptCommand.self,
                    DecryptCommand.self, RandomCommand.self,
                ]),
            CommandGroup(name: "Other programs", subcommands: [SSHCommand.self, ConfirmCommand.self]),
            CommandGroup(
                name: "Identities and envelopes",
                subcommands: [IdentityCommand.self, EnvelopeCommand.self, LedgerCommand.self]),
            CommandGroup(
                name: "Orders", subcommands: [OrderCommand.self, WalletCommand.self, PluginCommand.self]),
            CommandGroup(name: "Who may, and who did", subcommands: [PolicyCommand.self, AuditCommand.self]),
        ])

    static func main() {
        StandardDescriptors.fill()
        do {
            let arguments = GlobalOptions.hoisted(Array(NativeText.arguments.dropFirst()))
            if ["version", "-v"].contains(arguments.first), arguments.count == 1 {
                return try StandardOutput.line(Version.current)
            }
            try CommandNames.check(arguments)
            var command = try parseAsRoot(arguments)
            try FileName.check(arguments)
            try command.run()
        } catch {
            Interruption.yield()
            Glibc.exit(Failure.report(error))
        }
    }
}
