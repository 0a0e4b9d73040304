import AgentProtocol
import DTACourier
import DTAFormats
import DTASystem

/// Carries parts of orders from this agent to other hosts' gateways, brings back their answers, and carries the parts
/// that result, until nothing is left to carry.
struct Carrier {
    /// One exchange with a gateway, for the report.
    struct Exchange {
        let url: String
        let sent: Int
        let brought: Int
    }

    /// A part that was not delivered.
    struct Undelivered {
        let part: AgentOrderPart
        let url: String
        let error: DTAError

        /// What helps, besides carrying it again.
        var hint: String { error.hints == [Hint(.sendAgain)] ? "" : error.hint(HintText.of) }
    }

    private struct Carried: Hashable {
        let cid: String
        let url: String
    }

    let client: BlockingAgentClient
    let options: CourierOptions
    /// For the current operation, with its own time limit.
    private var courier: Courier
    private var gateways: [String: HTTPCourier] = [:]
    /// The bytes that it brought.
    private var taken = 0
    private var done: Set<Carried> = []
    private var waiting: [(part: AgentOrderPart, url: String)] = []

    private(set) var exchanges: [Exchange] = []
    private(set) var undelivered: [Undelivered] = []
    /// Parts that came and that the agent refused.
    private(set) var refused: [(cid: CID, error: DTAError)] = []
    /// How many documents of identities, and revocations, came from a file.
    private(set) var documents = 0
    /// How many blocks came that belong to no part.
    private(set) var dropped = 0
    /// Parts for which no gateway is known.
    private(set) var homeless: [AgentOrderPart] = []
    /// Parts that answer the parts that were taken in, each once.
    private(set) var answers: [String] = []
    /// The changed orders, as the agent last described them.
    private(set) var orders: [String: AgentOrder] = [:]

    init(_ client: BlockingAgentClient, _ options: CourierOptions) {
        self.client = client
        self.options = options
        courier = Courier(client)
    }

    /// Begins an operation, with its own limits of time and bytes.
    private mutating func begin() {
        courier = Courier(client, time: .seconds(options.carryTimeout))
        taken = 0
    }

    /// Notes the parts in an operation's answer.
    mutating func add(_ parts: [AgentOrderPart]) {
        for part in parts {
            let urls = options.via.map { [$0] } ?? part.urls
            if urls.isEmpty, !homeless.contains(where: { $0.cid == part.cid }) { homeless.append(part) }
            for url in urls where done.insert(Carried(cid: part.cid, url: url)).inserted { waiting.append((part, url)) }
        }
    }

    /// Sends all that waits; the answers may add more.
    mutating func run() {
        begin()
        while let first = waiting.first {
            let batch = Array(waiting.filter { $0.url == first.url }.prefix(Courier.partLimit))
            let cids = Set(batch.map(\.part.cid))
            waiting.removeAll { $0.url == first.url && cids.contains($0.part.cid) }
            do {
                try exchange(batch.map(\.part), first.url)
            } catch {
                let failure = Failure(error)
                let told =
                    error as? DTAError
                    ?? DTAError(ErrorCode.named(failure.code), failure.message, hint: failure.hint)
                undelivered += batch.map { Undelivered(part: $0.part, url: first.url, error: told) }
            }
        }
    }

    /// Asks a gateway for the parts after a part.
    /// - Returns: how many parts it had.
    mutating func poll(_ url: String, after cid: CID) throws -> Int {
        begin()
        var brought = 0
        var cursor = ""
        repeat {
            guard let (car, next) = try gateway(url).parts(after: cid, cursor: cursor) else {
                if brought == 0 { exchanges.append(Exchange(url: url, sent: 0, brought: 0)) }
                return brought
            }
            let came = try take(car, from: url)
            exchanges.append(Exchange(url: url, sent: 0, brought: came))
            brought += came
            cursor = next
        } while !cursor.isEmpty
        return brought
    }

    /// Takes in a CAR that was brought by hand.
    mutating func take(file car: [UInt8]) throws {
        begin()
        _ = try take(car, from: nil)
    }

    private mutating func exchange(_ parts: [AgentOrderPart], _ url: String) throws {
        let gateway = try gateway(url)
        let courier = courier
        var brought = 0
        try courier.send(parts.map { try CID($0.cid) }, over: gateway) { brought += try take($0, from: url) }
        exchanges.append(Exchange(url: url, sent: parts.count, brought: brought))
    }

    private mutating func gateway(_ url: String) throws -> HTTPCourier {
        let gateway = try gateways[url] ?? HTTPCourier(url, options.http())
        gateway.deadline = courier.deadline
        gateways[url] = gateway
        return gateway
    }

    /// - Returns: how many parts came.
    private mutating func take(_ car: [UInt8], from url: String?) throws -> Int {
        taken += car.count
        guard taken <= Courier.totalLimit else {
            throw DTAError(
                .resourceExhausted,
                "more than \(Courier.totalLimit >> 20) MiB came at once, and the rest was left where it is",
                hint: "what came is taken in; asked again, it goes on from there")
        }
        let consignment = try Consignment(car: car, deadline: courier.deadline)
        let delivery = try courier.deliver(consignment)
        documents += consignment.documentCount
        // The gateway that sent it has it.
        if let url { for root in consignment.roots { done.insert(Carried(cid: root.description, url: url)) } }
        refused += delivery.refused
        dropped += delivery.dropped
        orders.merge(delivery.orders) { $1 }
        for answer in delivery.answers where !answers.contains(answer.cid) { answers.append(answer.cid) }
        add(delivery.answers)
        // A part that others need too is carried on to those with a gateway that is known here.
        let received = Set(delivery.received.map(\.description))
        for order in delivery.orders.keys {
            guard let parts = try? client.call(.showOrder(order)).parts else { continue }
            add(parts.filter { received.contains($0.cid) && !$0.urls.isEmpty })
        }
        return consignment.roots.count
    }
}

extension Carrier {
    /// Whether something that came is damaged, or nothing of a file was accepted. Any sender can leave invalid parts at
    /// a gateway: those do not make the others fail.
    var isSpoilt: Bool {
        let isDamaged = refused.contains { ![.permissionDenied, .failedPrecondition].contains($0.error.code) }
        return isDamaged || (exchanges.isEmpty && orders.isEmpty && !refused.isEmpty)
    }
}

extension ErrorCode {
    /// The code with a given name.
    static func named(_ name: String) -> ErrorCode { allCases.first { $0.name == name } ?? .unavailable }
}
