import ArgumentParser
import DTASystem
import Glibc

extension ParsableCommand {
    /// Says why a command line cannot be understood, as dtactl does: a sentence, the usage as its hint. Help and
    /// versions are printed, and no failure.
    /// - Returns: the exit status: 2 for wrong usage; else what the command itself chose, if it did.
    public static func report(_ error: any Error, program: String) -> Int32 {
        if let exit = error as? ExitCode { return exit.rawValue }
        if exitCode(for: error) == .success {
            print(fullMessage(for: error))
            return 0
        }
        let usage = fullMessage(for: error).split(separator: "\n").first { $0.hasPrefix("Usage: ") }
        printError("\(program): \(message(for: error))")
        printError("hint: " + (usage.map { "usage: \($0.dropFirst(7))" } ?? "see \(program) --help"))
        return 2
    }
}
