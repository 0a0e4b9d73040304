import DTASystem
import Glibc

/// The lines of `dtad check`: each check and its result.
final class Report {
    private(set) var failures = 0
    private let colours = isatty(STDOUT_FILENO) == 1 && getenv("NO_COLOR") == nil

    func good(_ subject: String, _ text: String) { line("ok", "32", subject, text) }
    func note(_ subject: String, _ text: String) { line("note", "33", subject, text) }

    func bad(_ subject: String, _ text: String, _ hint: String = "") {
        failures += 1
        line("FAIL", "31", subject, text)
        if !hint.isEmpty { print("                     hint: \(hint)") }
    }

    /// Runs `body`, whose error becomes a line of the report.
    func attempt<Result>(_ subject: String, _ body: () throws -> Result) -> Result? {
        do {
            return try body()
        } catch {
            let reason = DTAError(error)
            bad(subject, reason.message, reason.hintText)
            return nil
        }
    }

    private func line(_ mark: String, _ colour: String, _ subject: String, _ text: String) {
        let padding = String(repeating: " ", count: max(1, 6 - mark.count))
        let shown = colours ? "\u{1b}[\(colour)m\(mark)\u{1b}[0m" : mark
        print(shown + padding + subject + String(repeating: " ", count: max(1, 15 - subject.count)) + text)
    }
}
