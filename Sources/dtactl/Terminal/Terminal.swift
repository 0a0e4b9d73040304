import DTASystem
import Glibc

/// The two streams that a person may be reading.
enum Terminal {
    case output
    case error

    var descriptor: Int32 { self == .output ? STDOUT_FILENO : STDERR_FILENO }

    var isTerminal: Bool { isatty(descriptor) == 1 }

    /// Colours are for terminals, unless the user does not want any (no-color.org).
    var hasColours: Bool { isTerminal && environment("NO_COLOR") == nil && environment("TERM") != "dumb" }

    /// Columns; nil if there is no terminal, so that nothing is cut in files and pipes.
    var width: Int? {
        guard isTerminal else { return nil }
        var size = winsize()
        guard unsafe ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 80 }
        return Int(size.ws_col)
    }
}

/// Standard output, written whole or with an error.
enum StandardOutput {
    static func line(_ text: String) throws { try write(Array((text + "\n").utf8)) }

    static func write(_ bytes: [UInt8]) throws { try write(bytes.span) }

    static func write(_ bytes: Span<UInt8>) throws {
        do {
            try bytes.withUnsafeBytes { try writeAll($0, to: STDOUT_FILENO) }
        } catch {
            throw Failure.failed(.unavailable, "standard output took no more: \(error)")
        }
    }
}

enum StandardError {
    static func line(_ text: String) {
        // If this fails, there is no way to report it.
        try? writeAll(Array((text + "\n").utf8), to: STDERR_FILENO)
    }

    /// Replaces the line of the cursor, which stays in it. For terminals.
    static func replaceLine(_ text: String) { try? writeAll(Array("\r\u{1b}[K\(text)".utf8), to: STDERR_FILENO) }

    static func clearLine() {
        if Terminal.error.isTerminal { replaceLine("") }
    }

    /// A note beside the result, only on a terminal.
    static func note(_ text: String) {
        if Terminal.error.isTerminal { warn(text) }
    }

    /// A note that should also be in a log.
    static func warn(_ text: String) {
        line(Style.dim.apply(SafeText.line(text), to: .error))
    }
}
