import AgentProtocol
import Glibc

/// Wrong arguments.
struct UsageError: Error {
    let sentence: String
}

/// The command of the command line.
enum Command {
    case serve(Options)
    case version
    case help

    struct Options {
        /// The agent's socket.
        var socket: String
        /// How long a signature waits for an agent that is away.
        var wait: Duration = .seconds(10)
        /// Whether Ed25519 keys are shown.
        var showsAll = false
    }

    static let usage = """
        usage: dta-p11 [--socket PATH] [--wait SECONDS] [--all-keys]

        p11-kit runs it: its module file says remote: |/usr/libexec/dtad/dta-p11
        --socket PATH    the agent's socket; else $DTA_SOCKET, else \(AgentUnreachable.installedSocket)
        --wait SECONDS   how long a signature waits for an agent that restarts, 0 to 600; else 10
        --all-keys       shows Ed25519 keys as well, which no release of p11-kit can use
        """

    init(_ arguments: [String]) throws {
        let named = unsafe getenv("DTA_SOCKET").map { unsafe String(cString: $0) }
        var options = Options(socket: named ?? AgentUnreachable.installedSocket)
        var rest = arguments[...]
        while let argument = rest.popFirst() {
            switch argument {
            case "--version" where arguments.count == 1:
                self = .version
                return
            case "--help" where arguments.count == 1:
                self = .help
                return
            case "--socket":
                guard let path = rest.popFirst() else { throw UsageError(sentence: "--socket needs a path") }
                options.socket = path
            case "--all-keys": options.showsAll = true
            case "--wait":
                guard let text = rest.popFirst(), let seconds = Int(text), 0...600 ~= seconds else {
                    throw UsageError(sentence: "--wait needs seconds, 0 to 600")
                }
                options.wait = .seconds(seconds)
            default: throw UsageError(sentence: "unknown argument \(argument)")
            }
        }
        self = .serve(options)
    }
}
