import AgentProtocol
import DTACourier
import DTAFormats
import DTASystem

/// Carries parts of orders from this agent to others' gateways, brings what they answer back, and carries on what that
/// makes, until nothing is left to carry.
struct Carrier {
    /// One exchange with a gateway, for whoever reads the report.
    struct Exchange {
        let url: String
        let sent: Int
        let brought: Int
    }

    /// A part that did not get where it should.
    struct Undelivered {
        let part: AgentOrderPart
        let url: String
        let error: DTAError
    }

    private struct Errand: Hashable {
        let cid: String
        let url: String
    }

    let client: BlockingAgentClient
    let options: CourierOptions
    private let courier: Courier
    private var gateways: [String: HTTPCourier] = [:]
    private var done: Set<Errand> = []
    private var waiting: [(part: AgentOrderPart, url: String)] = []

    private(set) var exchanges: [Exchange] = []
    private(set) var undelivered: [Undelivered] = []
    /// Parts that came and that the agent would not have.
    private(set) var refused: [(cid: CID, error: DTAError)] = []
    /// Parts that nobody said where to carry to.
    private(set) var homeless: [AgentOrderPart] = []
    /// Parts that answer what was taken in, each once.
    private(set) var answers: [String] = []
    /// The orders that were touched, as the agent last told.
    private(set) var orders: [String: AgentOrder] = [:]

    init(_ client: BlockingAgentClient, _ options: CourierOptions) {
        self.client = client
        self.options = options
        courier = Courier(client)
    }

    /// Takes note of what an operation answered.
    mutating func add(_ parts: [AgentOrderPart]) {
        for part in parts {
            let urls = options.via.map { [$0] } ?? part.urls
            if urls.isEmpty, !homeless.contains(where: { $0.cid == part.cid }) { homeless.append(part) }
            for url in urls where done.insert(Errand(cid: part.cid, url: url)).inserted { waiting.append((part, url)) }
        }
    }

    /// Sends all that waits; what comes back may make more.
    mutating func run() {
        while let first = waiting.first {
            let batch = Array(waiting.filter { $0.url == first.url }.prefix(Courier.partLimit))
            let cids = Set(batch.map(\.part.cid))
            waiting.removeAll { $0.url == first.url && cids.contains($0.part.cid) }
            do {
                try exchange(batch.map(\.part), first.url)
            } catch {
                let error = Failure(error)
                let told = DTAError(ErrorCode.named(error.code), error.message, hint: error.hint)
                undelivered += batch.map { Undelivered(part: $0.part, url: first.url, error: told) }
            }
        }
    }

    /// Asks a gateway for what came after a part.
    /// - Returns: how many parts it had.
    mutating func poll(_ url: String, after cid: CID) throws -> Int {
        guard let car = try gateway(url).parts(after: cid) else {
            exchanges.append(Exchange(url: url, sent: 0, brought: 0))
            return 0
        }
        return try take(car, from: url, sent: 0)
    }

    /// Takes in a CAR that somebody brought by hand.
    mutating func take(file car: [UInt8]) throws { _ = try take(car, from: nil, sent: 0) }

    private mutating func exchange(_ parts: [AgentOrderPart], _ url: String) throws {
        let gateway = try gateway(url)
        let car = try courier.pack(parts.map { try CID($0.cid) })
        guard let answer = try gateway.deliver(car) else {
            exchanges.append(Exchange(url: url, sent: parts.count, brought: 0))
            return
        }
        _ = try take(answer, from: url, sent: parts.count)
    }

    private mutating func gateway(_ url: String) throws -> HTTPCourier {
        if let gateway = gateways[url] { return gateway }
        let gateway = try HTTPCourier(url, options.http)
        gateways[url] = gateway
        return gateway
    }

    /// - Returns: how many parts came.
    private mutating func take(_ car: [UInt8], from url: String?, sent: Int) throws -> Int {
        let consignment = try Consignment(car: car)
        let delivery = try courier.deliver(consignment)
        if let url {
            exchanges.append(Exchange(url: url, sent: sent, brought: consignment.roots.count))
            // Whoever gave it to us has it.
            for root in consignment.roots { done.insert(Errand(cid: root.description, url: url)) }
        }
        refused += delivery.refused
        orders.merge(delivery.orders) { $1 }
        for answer in delivery.answers where !answers.contains(answer.cid) { answers.append(answer.cid) }
        add(delivery.answers)
        // A part that is for others too is carried on to those whose gateways are known here.
        let received = Set(delivery.received.map(\.description))
        for order in delivery.orders.keys {
            guard let parts = try? client.call(.showOrder(order)).parts else { continue }
            add(parts.filter { received.contains($0.cid) && !$0.urls.isEmpty })
        }
        return consignment.roots.count
    }
}

extension Carrier {
    /// Whether something that came is damaged, or nothing of a file was accepted. At a gateway anybody can leave what is
    /// not by an order's rules: that fails nobody else.
    var isSpoilt: Bool {
        let isDamaged = refused.contains { ![.permissionDenied, .failedPrecondition].contains($0.error.code) }
        return isDamaged || (exchanges.isEmpty && orders.isEmpty && !refused.isEmpty)
    }
}

extension ErrorCode {
    /// Of a name that people see.
    static func named(_ name: String) -> ErrorCode { allCases.first { $0.name == name } ?? .unavailable }
}
