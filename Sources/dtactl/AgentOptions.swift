import AgentProtocol
import ArgumentParser
import DTASystem
import Glibc

/// What every command has that speaks with the agent.
struct AgentOptions: ParsableArguments {
    @Flag(help: "Answer in JSON, for programs (docs/dtactl.md).")
    var json = false

    @Option(
        help: ArgumentHelp("The agent's socket.", valueName: "path"), completion: .file())
    var socket: String?

    /// --socket, $DTA_SOCKET, or where an installed agent listens.
    var socketPath: String { socket ?? environment("DTA_SOCKET") ?? "/run/dtad/agent.sock" }

    func connect() -> BlockingAgentClient { BlockingAgentClient(socketPath: socketPath) }

    /// One request on a connection of its own.
    func call(_ request: AgentRequest, timeout: Duration = .seconds(30)) throws -> AgentResponse {
        try connect().call(request, timeout: timeout)
    }

    /// The rows of all pages of a list.
    func all<Row>(_ operation: AgentOperation, _ rows: (AgentResponse) -> [Row]) throws -> [Row] {
        let client = connect()
        var result: [Row] = []
        var cursor = ""
        repeat {
            let page = try client.call(.list(operation, count: 1000, cursor: cursor))
            result += rows(page)
            cursor = page.cursor
        } while !cursor.isEmpty
        return result
    }
}

/// A variable of the environment; nil where it is empty too.
func environment(_ name: String) -> String? {
    guard let value = unsafe getenv(name) else { return nil }
    let text = unsafe String(cString: value)
    return text.isEmpty ? nil : text
}

/// The most bytes that one operation of the agent takes.
let messageLimit = 256 << 10

extension CompletionKind {
    /// The names of the caller's keys, as the agent knows them; none where it is away.
    static var keyNames: CompletionKind {
        .custom { _, _, prefix in
            names(.keyList, prefix) { $0.keys.map(\.name) }
        }
    }

    /// The names by which this host calls identities.
    static var identityNames: CompletionKind {
        .custom { _, _, prefix in
            // What somebody else calls himself finds nothing.
            names(.identityList, prefix) { $0.identities.map { $0.own ? $0.name : $0.alias }.filter { !$0.isEmpty } }
        }
    }

    private static func names(
        _ operation: AgentOperation, _ prefix: String, _ read: (AgentResponse) -> [String]
    ) -> [String] {
        let client = BlockingAgentClient(socketPath: environment("DTA_SOCKET") ?? "/run/dtad/agent.sock")
        // Somebody waits at a prompt: better no names than late ones.
        let answer = try? client.call(.list(operation, count: 1000), timeout: .seconds(1))
        return (answer.map(read) ?? []).filter { $0.hasPrefix(prefix) && SafeText.line($0) == $0 }
    }
}
