import ArgumentParser
import DTAService
import DTASystem
import Glibc

@main
struct Dtagw: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "dtagw", abstract: "The REST gateway of a custody agent.",
        discussion: """
            It speaks to dtad as one user, with that user's rights. docs/gateway.md has the configuration.

            Exit codes: 0 done, 1 failed, 2 wrong usage, 78 dtagw run cannot start with this configuration.

            Example: dtagw run --config dtagw.yaml
            """,
        version: Version.current, subcommands: [RunCommand.self, CheckCommand.self])

    /// The path in gateway.md.
    static let installedConfiguration = "/etc/dtad/dtagw.yaml"

    static func main() async {
        StandardDescriptors.fill()
        // As text, its bytes would name another file.
        if let argument = NativeText.unreadableArgument {
            printError("dtagw: the argument \(argument) is not UTF-8: dtagw takes text alone, also as names of files")
            Glibc.exit(2)
        }
        do {
            var command = try parseAsRoot()
            if var command = command as? any AsyncParsableCommand {
                try await command.run()
            } else {
                try command.run()
            }
        } catch {
            Glibc.exit(report(error, program: "dtagw"))
        }
    }
}

/// Ends the program with the sentence and the hint on standard error, and exit status 1.
func failing<Result>(_ body: () async throws -> Result) async throws -> Result {
    do {
        return try await body()
    } catch let error as ExitCode {
        throw error
    } catch {
        let error = DTAError(error)
        printError("dtagw: \(error.message)")
        if !error.hint.isEmpty { printError("hint: \(error.hint)") }
        throw ExitCode(1)
    }
}
