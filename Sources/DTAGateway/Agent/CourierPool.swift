import AgentProtocol
import DTACourier
import DTAFormats
import DTASystem
import Logging
import NIOPosix

/// Threads that take CARs in and pack them: whoever brings or fetches one waits for the agent block by block, and its memory
/// is bounded by how many there are.
final class CourierPool: Sendable {
    /// How many may wait for a thread, for each.
    private static let queue = 4
    /// How often an answer that asks for another answer is carried on: a commitment, a release.
    private static let rounds = 3

    private let socketPath: String
    private let orders: GatewayConfiguration.Orders
    private let threads: NIOThreadPool
    private let limit: Int
    private let time: Duration
    private let waiting = Locked(0)
    private let logger: Logger

    init(
        socketPath: String, orders: GatewayConfiguration.Orders, limits: GatewayConfiguration.Limits, logger: Logger
    ) {
        let couriers = limits.couriers
        time = .milliseconds(limits.courierMilliseconds)
        self.socketPath = socketPath
        self.orders = orders
        self.logger = logger
        threads = NIOThreadPool(numberOfThreads: couriers)
        limit = couriers * (1 + CourierPool.queue)
        threads.start()
    }

    func stop() { threads.shutdownGracefully { _ in } }

    /// Runs `body` with a courier at the agent.
    func run<Result: Sendable>(_ body: @escaping @Sendable (Courier) throws -> Result) async throws -> Result {
        let isTaken = waiting.withLock { waiting in
            guard waiting < limit else { return false }
            waiting += 1
            return true
        }
        guard isTaken else { throw Problem.busy("too many couriers are here at once") }
        defer { waiting.withLock { $0 -= 1 } }
        return try await threads.runIfActive { [socketPath, time] in
            try body(Courier(BlockingAgentClient(socketPath: socketPath), time: time))
        }
    }

    /// Carries parts to the gateways of those whom they are for, and takes in what these answer. What cannot be carried now
    /// stays in the ledger: whoever waits for it may ask, and `dtactl order send` tries again.
    func carry(_ parts: [AgentOrderPart]) async throws {
        guard orders.carries, parts.contains(where: { !$0.urls.isEmpty }) else { return }
        try await run { [self] courier in
            var parts = parts
            for _ in 0..<CourierPool.rounds where !parts.isEmpty { parts = carry(parts, courier) }
        }
    }

    private func carry(_ parts: [AgentOrderPart], _ courier: Courier) -> [AgentOrderPart] {
        var byURL: [String: [CID]] = [:]
        for part in parts {
            guard let cid = try? CID(part.cid) else { continue }
            for url in part.urls { byURL[url, default: []].append(cid) }
        }
        var answers: [AgentOrderPart] = []
        for (url, cids) in byURL.sorted(by: { $0.key < $1.key }) {
            do {
                let way = try HTTPCourier(url, options)
                way.deadline = courier.deadline
                try courier.send(cids, over: way) { car in
                    answers += try courier.deliver(try Consignment(car: car)).answers
                }
            } catch {
                let reason = (error as? AgentUnreachable)?.error ?? DTAError(error)
                logger.warning("a part was not carried: \(reason.message)", metadata: ["parts": "\(cids.count)"])
            }
        }
        return answers
    }

    private var options: HTTPCourier.Options {
        var options = HTTPCourier.Options()
        options.certificateAuthorities = orders.certificateAuthorities
        options.clientCertificate = orders.certificate
        options.clientKey = orders.key
        options.tokens = orders.tokens
        return options
    }
}
