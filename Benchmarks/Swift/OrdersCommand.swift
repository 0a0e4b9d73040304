import AgentProtocol
import ArgumentParser
import DTASystem
import Foundation

/// Orders of an agent that is principal, fiduciary and recipient at once, and whose rules let it commit and release by
/// itself.
struct OrdersCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "orders", abstract: "Orders by an agent. It gets identities and orders: use a private one.",
        subcommands: [Through.self, Keep.self, Look.self])

    fileprivate static func order(_ client: BlockingAgentClient) throws -> AgentRequest {
        var order = AgentNewOrder()
        order.principal = try client.own("bench-principal")
        order.fiduciary = try client.own("bench-fiduciary")
        return .createOrder(order)
    }

    /// The CID of an order that was made, in the state that it is to have.
    fileprivate static func made(_ answer: AgentResponse, _ state: String) throws -> String {
        guard let order = answer.orders.first, order.state == state else {
            throw DTAError(.internal, "an order is \(answer.orders.first?.state ?? "not there"), and not \(state)")
        }
        return order.cid
    }

    /// From part 1 to part 4.
    struct Through: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Orders a second, from create to release.")

        @Argument(help: "The agent's socket.") var socket: String
        @Option var clients = 1
        @Option var seconds = 2.0

        func run() throws {
            let create = try OrdersCommand.order(BlockingAgentClient(socketPath: socket))
            let through = try together(socket, clients: clients, seconds: seconds) { client, _ in
                let order = try OrdersCommand.made(client.call(create), "committed")
                _ = try OrdersCommand.made(client.call(.redeemOrder(order)), "exhausted")
            }
            let committed = try together(socket, clients: clients, seconds: seconds) { client, _ in
                _ = try OrdersCommand.made(client.call(create), "committed")
            }
            report([("through", through), ("committed", committed)])
        }
    }

    /// Orders that are kept.
    struct Keep: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Makes orders that are committed to, and writes their CIDs, a line each.")

        @Argument(help: "The agent's socket.") var socket: String
        @Option var count = 1000
        @Option(help: "The file for the CIDs.") var out: String

        func run() throws {
            let client = BlockingAgentClient(socketPath: socket)
            let create = try OrdersCommand.order(client)
            var left = count
            var lines = ""
            try client.pipeline(
                depth: 8,
                next: {
                    left -= 1
                    return left >= 0 ? create : nil
                }, answered: { lines += try OrdersCommand.made($0, "committed") + "\n" })
            try lines.write(toFile: out, atomically: true, encoding: .utf8)
            report([("kept", Double(count))])
        }
    }

    /// The requests that could become slower with many orders.
    struct Look: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Median microseconds of a page of the list, of one order shown, and of one redeemed.")

        @Argument(help: "The agent's socket.") var socket: String
        @Option(help: "What `keep` wrote.") var orders: String
        @Option(help: "How many of them were redeemed before.") var skip = 0
        @Option(help: "How many are redeemed, and how often each other thing is done.") var count = 200

        func run() throws {
            let client = BlockingAgentClient(socketPath: socket)
            let known = try String(contentsOfFile: orders, encoding: .utf8).split(separator: "\n").map(String.init)
            guard known.count >= skip + count else {
                throw DTAError(.invalidArgument, "\(orders) has \(known.count) orders, and \(skip + count) are needed")
            }
            let chosen = Array(known[skip..<skip + count])
            let page = try microseconds(chosen) { _ in
                _ = try client.call(.listOrders(count: 100))
            }
            let filtered = try microseconds(chosen) { _ in
                _ = try client.call(
                    .listOrders(
                        count: 100, filters: [("state", "committed"), ("sort", "created"), ("role", "fiduciary")]))
            }
            let shown = try microseconds(chosen) { _ = try client.call(.showOrder($0)) }
            let redeemed = try microseconds(chosen) {
                _ = try OrdersCommand.made(client.call(.redeemOrder($0)), "exhausted")
            }
            report([("list", page), ("filtered", filtered), ("show", shown), ("redeem", redeemed)])
        }

        private func microseconds(_ orders: [String], _ body: (String) throws -> Void) throws -> Double {
            middle(
                try orders.map { order in
                    let begin = monotonicNanoseconds()
                    try body(order)
                    return elapsed(since: begin) * 1e6
                })
        }
    }
}
