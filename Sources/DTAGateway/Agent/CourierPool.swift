import AgentProtocol
import DTACourier
import DTAFormats
import DTASystem
import Logging
import NIOPosix

/// Threads that take CARs in and pack them, each waiting for the agent block by block. Their number bounds their
/// memory; `LargeBodies` bounds bodies and answers before and after.
///
/// One client has half of the threads at most, and half of the waiting places, so that others get some. Without
/// authentication all are one client.
final class CourierPool: Sendable {
    /// How many may wait for a thread, for each.
    private static let queue = 4
    /// How many rounds of answers to answers are carried, such as a commitment and a release.
    private static let rounds = 3

    private let socketPath: String
    private let orders: GatewayConfiguration.Orders
    private let threads: NIOThreadPool
    private let time: Duration

    /// The work of one client.
    private struct Lane {
        var running = 0
        var waiting: [CheckedContinuation<Void, Never>] = []
    }

    private let places: FairShares
    private let lanes = Locked<[RateLimiter.Account: Lane]>([:])
    private let perClient: Int
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
        places = FairShares(limit: couriers * (1 + CourierPool.queue))
        perClient = max(1, couriers / 2)
        threads.start()
    }

    func stop() { threads.shutdownGracefully { _ in } }

    /// Runs `body` with a courier at the agent.
    /// - Throws: `Problem`, 503, if too many are under way.
    func run<Result: Sendable>(
        for client: Client, _ body: @escaping @Sendable (Courier) throws -> Result
    ) async throws -> Result {
        guard let place = places.take(1, for: client) else { throw Problem.busy("too many couriers are here at once") }
        defer { withExtendedLifetime(place) {} }
        let account = client.kind == .anybody ? nil : client.account
        if let account { await enter(account) }
        defer { if let account { leave(account) } }
        return try await threads.runIfActive { [socketPath, time] in
            try body(Courier(BlockingAgentClient(socketPath: socketPath), time: time))
        }
    }

    private func enter(_ account: RateLimiter.Account) async {
        await withCheckedContinuation { continuation in
            let isFree = lanes.withLock { lanes in
                var lane = lanes[account] ?? Lane()
                let isFree = lane.running < perClient
                if isFree { lane.running += 1 } else { lane.waiting.append(continuation) }
                lanes[account] = lane
                return isFree
            }
            if isFree { continuation.resume() }
        }
    }

    private func leave(_ account: RateLimiter.Account) {
        let next = lanes.withLock { lanes -> CheckedContinuation<Void, Never>? in
            guard var lane = lanes[account] else { return nil }
            // The next in line takes the thread over.
            let next = lane.waiting.isEmpty ? nil : lane.waiting.removeFirst()
            if next == nil { lane.running -= 1 }
            lanes[account] = lane.running == 0 ? nil : lane
            return next
        }
        next?.resume()
    }

    /// Carries parts to the gateways of their recipients, and takes in the answers. A part that cannot be carried now
    /// stays in the ledger, and the request does not fail: the other side may ask for it, and `dtactl order send` tries
    /// again.
    func carry(_ parts: [AgentOrderPart], for client: Client) async {
        guard orders.carries, parts.contains(where: { !$0.urls.isEmpty }) else { return }
        do {
            try await run(for: client) { [self] courier in
                var parts = parts
                for _ in 0..<CourierPool.rounds where !parts.isEmpty { parts = carry(parts, courier) }
            }
        } catch {
            logger.warning(
                "parts were not carried: \(Problem(error).message)", metadata: ["parts": "\(parts.count)"])
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
                    answers += try courier.deliver(
                        Consignment(car: car, deadline: courier.deadline)
                    ).answers
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
        options.authoritiesName = "orders.ca_file in dtagw.yaml"
        options.certificateName = "orders.certificate and orders.key in dtagw.yaml"
        options.tokens = orders.tokens
        return options
    }
}
