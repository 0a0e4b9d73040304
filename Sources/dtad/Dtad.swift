import ArgumentParser
import DTAService
import DTASystem
import Glibc

@main
struct Dtad: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "dtad",
        abstract: "The custody agent: keeps keys in an HSM and lets programs use them over a Unix socket.",
        discussion: """
            A first agent with a software token, in a directory of its own:
              dtad init --state ~/.dta
              dtad run --config ~/.dta/dtad.yaml --socket ~/.dta/agent.sock

            Exit codes: 0 done, 1 refused or failed, 2 wrong usage, 78 dtad run cannot start with this configuration.
            """,
        version: Version.current,
        subcommands: [
            InitCommand.self, RunCommand.self, CheckCommand.self, BackupCommand.self, RestoreCommand.self,
            BindingsCommand.self, PINCommand.self,
        ])

    /// The path of `make install` and `dtad init --state /var/lib/dtad`.
    static let installedConfiguration = "/etc/dtad/dtad.yaml"

    static func main() {
        StandardDescriptors.fill()
        // As text, its bytes would name another file.
        if let argument = NativeText.unreadableArgument {
            printError("dtad: the argument \(argument) is not UTF-8: dtad takes text alone, also as names of files")
            Glibc.exit(2)
        }
        do {
            var command = try parseAsRoot()
            try command.run()
        } catch {
            Glibc.exit(report(error, program: "dtad"))
        }
    }
}

/// Ends the program with the sentence and the hint on standard error, and exit status 1.
func failing<Result>(_ body: () throws -> Result) throws -> Result {
    do {
        return try body()
    } catch let error as DTAError {
        printError("dtad: \(error.message)")
        if !error.hintText.isEmpty { printError("hint: \(error.hintText)") }
        throw ExitCode(1)
    } catch let error as SystemCallError {
        printError("dtad: \(error)")
        throw ExitCode(1)
    }
}
