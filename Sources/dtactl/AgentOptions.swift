import AgentProtocol
import ArgumentParser
import DTASystem
import Glibc

/// The options of every command that speaks with the agent.
struct AgentOptions: ParsableArguments {
    @Flag(help: "Answer in JSON, for programs (docs/dtactl.md).")
    var json = false

    @Option(
        help: ArgumentHelp("The agent's socket.", valueName: "path"), completion: .file(),
        transform: FileName.argument)
    var socket: String?

    @Option(
        help: ArgumentHelp(
            """
            How long each answer of the agent may take, as 10s, 5m or 1m30s; with --wait, how long to wait in all. By \
            default 30s, and more for what takes the HSM long; with --wait 5m.
            """, valueName: "time"), transform: AgentOptions.span)
    var timeout: Duration?

    /// --socket, $DTA_SOCKET, or the socket of an installed agent.
    var socketPath: String { socket ?? AgentOptions.defaultSocket }

    static var defaultSocket: String { environment("DTA_SOCKET") ?? AgentUnreachable.installedSocket }

    /// How long a command waits for other hosts, in nanoseconds.
    var waitingTime: UInt64 { UInt64(max(1, timeout?.components.seconds ?? 300)) * 1_000_000_000 }

    private static func span(_ text: String) throws -> Duration {
        let isNumber = text.utf8.allSatisfy { (0x30...0x39).contains($0) }
        guard let seconds = TimeText.span(isNumber ? "\(text)s" : text[...]), (1...86_400).contains(seconds) else {
            throw ValidationError("--timeout is 1s to 24h, such as 10s or 1m30s, and not \(text).")
        }
        return .seconds(seconds)
    }

    /// - Parameter what: what a person at a terminal is told to wait for.
    func connect(waitingFor what: String = "the agent") -> BlockingAgentClient {
        let client = BlockingAgentClient(socketPath: socketPath)
        client.timeLimit = timeout
        if Terminal.error.isTerminal, !json {
            client.patience = .init(
                waiting: { StandardError.replaceLine(Style.dim.apply("waiting for \(what) …  \($0) s", to: .error)) },
                over: StandardError.clearLine)
        }
        return client
    }

    /// Sends one request on a new connection.
    func call(
        _ request: AgentRequest, timeout: Duration = .seconds(30), waitingFor what: String = "the agent"
    ) throws -> AgentResponse {
        try connect(waitingFor: what).call(request, timeout: timeout)
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

/// A variable of the environment; nil if it is missing or empty. It may name a file, so bytes that are not UTF-8 are
/// kept.
func environment(_ name: String) -> String? {
    guard let value = unsafe getenv(name) else { return nil }
    let text = unsafe NativeText.text(cString: value)
    return text.isEmpty ? nil : text
}

/// The most bytes that one operation of the agent accepts.
let messageLimit = 256 << 10

extension CompletionKind {
    /// The names of the caller's keys, as the agent knows them; none if it is away.
    static var keyNames: CompletionKind {
        .custom { _, _, prefix in
            names(.keyList, prefix) { $0.keys.map(\.name) }
        }
    }

    /// The names of identities on this host.
    static var identityNames: CompletionKind {
        .custom { _, _, prefix in
            // Names that other hosts' documents claim find nothing.
            names(.identityList, prefix) { $0.identities.map { $0.own ? $0.name : $0.alias }.filter { !$0.isEmpty } }
        }
    }

    /// The references of the caller's orders, as lists show them, the last changed first.
    static var orderReferences: CompletionKind {
        .custom { _, _, prefix in
            // Beyond the letters that a list shows, the whole reference is completed.
            names(.orderList, prefix) { $0.orders.map { prefix.count > 12 ? $0.reference : $0.shortReference } }
        }
    }

    /// The types of orders that this host knows.
    static var orderTypes: CompletionKind {
        .custom { _, _, prefix in
            names(.pluginList, prefix) { $0.plugins.map(\.type) }
        }
    }

    private static func names(
        _ operation: AgentOperation, _ prefix: String, _ read: (AgentResponse) -> [String]
    ) -> [String] {
        let client = BlockingAgentClient(socketPath: AgentOptions.defaultSocket)
        // A person waits at a prompt: no names are better than late ones.
        let answer = try? client.call(.list(operation, count: 1000), timeout: .seconds(1))
        return (answer.map(read) ?? []).filter { $0.hasPrefix(prefix) && SafeText.line($0) == $0 }
    }
}
