import AgentProtocol
import ArgumentParser
import Foundation
import Hummingbird
import Logging

/// The gateway's yardstick: Hummingbird as its manual has it, which answers two paths with the same bytes each time.
/// It has no authentication, no counts and no limits.
@main
struct BareServer: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "dta-bench-http", abstract: "A bare server, for Benchmarks/run.")

    @Argument(help: "The socket to listen on.") var socket: String
    @Option(help: "The file that GET /v1/status answers with.") var status: String
    @Option(help: "The file that GET /v1/order answers with.") var orders: String
    @Option(help: "An agent's socket: it is asked for what the answer would be made of, one request each.")
    var agent: String?

    func run() async throws {
        let router = Router()
        let client = agent.map { AgentClient(socketPath: $0) }
        let routes: [(path: String, file: String, question: AgentRequest)] = [
            ("/v1/status", status, AgentRequest(.pluginList)),
            ("/v1/order", orders, .listOrders(count: 20, filters: [("sort", "-created")])),
        ]
        for route in routes {
            let body = ByteBuffer(bytes: try Data(contentsOf: URL(fileURLWithPath: route.file)))
            let question = route.question
            router.get(RouterPath(route.path)) { _, _ in
                if let client { _ = try await client.call(question) }
                return Response(
                    status: .ok, headers: [.contentType: "application/json"], body: .init(byteBuffer: body))
            }
        }
        var logger = Logger(label: "bench")
        logger.logLevel = .error
        let application = Application(
            router: router, configuration: .init(address: .unixDomainSocket(path: socket)), logger: logger)
        try await application.runService()
    }
}
