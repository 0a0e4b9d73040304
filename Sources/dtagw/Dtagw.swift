import ArgumentParser
import DTAService
import DTASystem
import Glibc

@main
struct Dtagw: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "dtagw", abstract: "The REST gateway of a custody agent.",
        discussion: """
            It speaks to dtad as one user, with what that user may do there. docs/gateway.md has the configuration.

            Example: dtagw run --config dtagw.yaml
            """,
        version: Version.current, subcommands: [RunCommand.self, CheckCommand.self])

    static func main() async {
        // Made into text, its bytes would name another file.
        if let argument = NativeText.unreadableArgument {
            printError("dtagw: the argument \(argument) is not UTF-8: dtagw takes text alone, also as names of files")
            Glibc.exit(EX_USAGE)
        }
        await main(nil)
    }
}

/// Ends the program as people expect it: the sentence and the hint on standard error, exit status 1.
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
