import AgentProtocol
import ArgumentParser
import DTAFormats
import DTASystem
import Glibc

/// How a command fails: its exit code, and what the person is told.
struct Failure: Error {
    enum Exit: Int32 {
        /// The agent refused it, or it failed.
        case failed = 1
        /// The command line is wrong.
        case usage = 2
        /// There was no terminal to ask on.
        case unreachable = 3
    }

    var exit: Exit
    /// The name that scripts see in `error.code`.
    var code: String
    var message: String
    var hint = ""

    static func usage(_ message: String, hint: String = "") -> Failure {
        Failure(exit: .usage, code: "USAGE", message: message, hint: hint)
    }

    static func failed(_ code: ErrorCode, _ message: String, hint: String = "") -> Failure {
        Failure(exit: .failed, code: code.name, message: message, hint: hint)
    }

    init(exit: Exit, code: String, message: String, hint: String = "") {
        self.exit = exit
        self.code = code
        self.message = message
        self.hint = hint
    }

    init(_ error: any Error) {
        switch error {
        case let error as Failure: self = error
        case let error as AgentUnreachable:
            self.init(
                exit: .unreachable, code: "UNREACHABLE", message: error.error.message,
                hint: error.error.hint(HintText.of))
        case let error as FormatError: self = .failed(.dataLoss, error.reason)
        default:
            let error = DTAError(error)
            self = .failed(error.code, error.message, hint: error.hint(HintText.of))
        }
    }

    /// Writes what went wrong to standard error, and returns the exit code. Help and version are not failures.
    static func report(_ error: any Error) -> Int32 {
        if let exit = error as? ExitCode { return exit.rawValue }
        if let failure = parsing(error) {
            guard let failure else { return 0 }
            return failure.tell()
        }
        return Failure(error).tell()
    }

    /// The argument parser's error: nil if the error is not the parser's; inner nil if the user asked for help.
    private static func parsing(_ error: any Error) -> Failure?? {
        if error is Failure || error is DTAError || error is AgentUnreachable || error is FormatError
            || error is SystemCallError
        {
            return nil
        }
        if Dtactl.exitCode(for: error) == .success {
            print(Dtactl.fullMessage(for: error))
            return .some(nil)
        }
        let lines = Dtactl.fullMessage(for: error).split(separator: "\n", omittingEmptySubsequences: false)
        let message = Dtactl.message(for: error)
        let usage = lines.first { $0.hasPrefix("Usage: ") }.map { "usage: " + $0.dropFirst(7) } ?? "see dtactl --help"
        return .some(.usage(message, hint: usage))
    }

    /// Whether errors are written for programs.
    static var isJSON: Bool { NativeText.arguments.prefix { $0 != "--" }.contains("--json") }

    /// - Returns: the exit code.
    @discardableResult
    func tell() -> Int32 {
        if Failure.isJSON {
            let fields: [(String, JSON)] = [
                ("code", .string(code)), ("message", .string(NativeText.shown(message))),
                ("hint", .string(NativeText.shown(hint))),
            ]
            StandardError.line(JSON.object([("error", .object(fields))]).text)
        } else {
            StandardError.line(Style.error.apply("dtactl:", to: .error) + " " + SafeText.lines(message))
            if !hint.isEmpty { StandardError.line(Style.dim.apply("hint:", to: .error) + " " + SafeText.line(hint)) }
        }
        return exit.rawValue
    }
}
