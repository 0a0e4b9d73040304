import Glibc

/// A question to the person at the terminal.
enum Question {
    /// Goes on only when the person typed `word`.
    /// - Throws: `Failure`, of usage where no terminal is there to ask on.
    static func confirm(_ question: String, word: String) throws {
        guard isatty(STDIN_FILENO) == 1, Terminal.error.isTerminal else {
            throw Failure.usage("this cannot be undone, and there is no terminal to ask on", hint: "add --yes")
        }
        StandardError.line(question)
        try? writeAll(Array("Type \(SafeText.line(word)) to go on: ".utf8), to: STDERR_FILENO)
        guard readLine() == word else { throw Failure.failed(.failedPrecondition, "nothing was done") }
    }
}
