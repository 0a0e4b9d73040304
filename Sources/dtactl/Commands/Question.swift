import DTASystem
import Glibc

/// A question to the person at the terminal.
enum Question {
    /// Continues only if the person typed `word`.
    /// - Parameter unasked: the error if there is no terminal to ask on.
    /// - Parameter hint: the hint of that error.
    /// - Throws: `Failure`, of usage if there is no terminal to ask on.
    static func confirm(
        _ question: String, word: String, unasked: String = Question.unasked, hint: String = "add --yes"
    ) throws {
        try requireTerminal(unasked, hint)
        StandardError.line(question)
        try? writeAll(Array("Type \(SafeText.line(word)) to go on: ".utf8), to: STDERR_FILENO)
        guard readLine() == word else { throw Failure.failed(.failedPrecondition, "nothing was done") }
    }

    static let unasked = "this cannot be undone, and there is no terminal to ask on"

    /// For a command that looks something up before it asks.
    static func requireTerminal(_ unasked: String = Question.unasked, _ hint: String = "add --yes") throws {
        guard isatty(STDIN_FILENO) == 1, Terminal.error.isTerminal else { throw Failure.usage(unasked, hint: hint) }
    }
}
