import AgentProtocol
import DTAFormats
import DTASystem

/// Takes parts of orders from one agent and hands them to another. It holds no key and needs no trust: envelopes only.
///
/// One thread at a time: it waits for the agent as `BlockingAgentClient` does.
public struct Courier {
    public let client: BlockingAgentClient

    /// The most parts of one CAR: the rest is asked for again.
    public static let partLimit = 500

    public init(_ client: BlockingAgentClient) { self.client = client }

    // MARK: From the agent

    /// A CAR with these parts, all that they link to, and what is known of the identities among that.
    /// - Parameter known: what the other side has, with its history.
    /// - Throws: `DTAError`: `notFound` where a block of the history is not to be had here, `resourceExhausted` where it
    ///   is more than a courier takes, else as the agent answers.
    public func pack(_ parts: [CID], known: Set<CID> = []) throws -> [UInt8] {
        do {
            var car: [UInt8] = []
            var history = try HistoryFetcher(client, roots: parts, known: known)
            var writer = try CARWriter(roots: parts) { car += $0 }
            try history.run { block in
                try writer.append(block)
                guard writer.size <= UInt64(Consignment.maximumSize) else {
                    throw DTAError(
                        .resourceExhausted,
                        "the parts and their history have more than \(Consignment.maximumSize >> 20) MiB",
                        hint: "dtactl ledger export writes a CAR of any size, and dtactl ledger import reads it")
                }
            }
            if let reason = history.reason {
                throw DTAError(
                    reason.code, "a block of the history is not to be had here: \(reason.message)", hint: reason.hint)
            }
            return car
        } catch let error as FormatError {
            throw DTAError(.invalidArgument, error.reason)
        }
    }

    /// The parts of an order's thread that are known here and that this one does not continue: what came after it, and
    /// what it did not know. Told by links, not by clocks. Oldest first, at most `partLimit`.
    /// - Throws: `DTAError.notFound` where it is not known here, else as the agent answers.
    public func parts(after cid: CID) throws -> [CID] {
        var envelopes: [AgentEnvelope] = []
        var cursor = ""
        repeat {
            let page = try client.call(.envelopeThread(cid.description, count: 1000, cursor: cursor))
            envelopes += page.envelopes
            cursor = page.cursor
        } while !cursor.isEmpty
        var previous: [String: String] = [:]
        for envelope in envelopes { previous[envelope.cid] = envelope.previous }
        var old: Set<String> = []
        var next: String? = cid.description
        while let name = next, old.insert(name).inserted { next = previous[name] }
        let after = envelopes.filter { OrderPartKind(contentType: $0.contentType) != nil && !old.contains($0.cid) }
        do {
            return try after.prefix(Courier.partLimit).map { try CID($0.cid) }
        } catch let error as FormatError {
            throw DTAError(.dataLoss, "the agent named an envelope wrongly: \(error.reason)")
        }
    }

    /// What answers a poll: a CAR with what came after a part, back to that part; nil where nothing did. Where all of it is
    /// more than a courier takes, the oldest of it: the rest is asked for with the newest of those.
    /// - Throws: `DTAError.notFound` where the part is not known here, else as the agent answers.
    public func answer(toPollAfter cid: CID) throws -> [UInt8]? {
        var parts = try parts(after: cid)
        let previous = try ContentBlock([UInt8](client.call(.getBlock(cid.description)).data), named: cid)
        let known = try? SignedEnvelope(block: previous.bytes).envelope.header.previous
        while !parts.isEmpty {
            do {
                return try pack(parts, known: known.map { [$0] } ?? [])
            } catch let error as DTAError where error.code == .resourceExhausted && parts.count > 1 {
                parts.removeLast(parts.count / 2)
            }
        }
        return nil
    }

    /// What answers a consignment: a CAR with the parts that the agent made for it; nil where there are none.
    public func answer(to delivery: Delivery) throws -> [UInt8]? {
        let parts = delivery.answerCIDs
        return parts.isEmpty ? nil : try pack(parts, known: Set(delivery.received))
    }

    // MARK: To the agent

    /// Puts what was brought into the ledger and has the agent receive each part, one after the other.
    /// - Throws: `DTAError` where the agent can receive nothing now; what it refuses is told in the answer.
    public func deliver(_ consignment: Consignment) throws -> Delivery {
        var blocks = BlockImport()
        try blocks.put(consignment.entries, to: client) { $0.block.bytes }
        var delivery = Delivery(refused: blocks.refused.map { ($0.cid, $0.error) })
        let brought = Set(consignment.entries.map(\.cid))
        for root in consignment.roots {
            // What is no part of an order, such as somebody's document or published shares, is for the ledger alone.
            if brought.contains(root) {
                guard let header = consignment.envelopes[root], OrderPartKind(contentType: header.content) != nil else {
                    continue
                }
            }
            try receive(root, consignment, &delivery)
        }
        return delivery
    }

    private func receive(_ root: CID, _ consignment: Consignment, _ delivery: inout Delivery) throws {
        if let error = try receive(root, into: &delivery) {
            // What it continues may be here as a block alone: it came to somebody whom nobody had brought it before.
            let ancestors =
                [.notFound, .failedPrecondition].contains(error.code) ? consignment.ancestors(of: root) : []
            // Each once, however many roots continue it.
            for ancestor in ancestors where delivery.tried.insert(ancestor).inserted {
                _ = try receive(ancestor, into: &delivery)
            }
            let last = ancestors.isEmpty ? error : try receive(root, into: &delivery)
            if let last { delivery.refused.append((root, last)) }
        }
    }

    /// - Returns: why the agent does not receive it.
    private func receive(_ part: CID, into delivery: inout Delivery) throws -> DTAError? {
        do {
            let answer = try client.call(.receiveOrderPart(part.description))
            delivery.received.append(part)
            if let order = answer.orders.first { delivery.orders[order.cid] = order }
            delivery.answers += answer.parts
            return nil
        } catch let error as DTAError where error.concernsRequestAlone || error.code == .permissionDenied {
            return error
        }
    }
}

/// What became of what was brought.
public struct Delivery {
    /// Parts that the agent took in, now or before; what its rules said of them stands in the order.
    public internal(set) var received: [CID] = []
    /// Blocks and parts that it would not have.
    public internal(set) var refused: [(cid: CID, error: DTAError)]
    /// The orders as they are now, by their CIDs.
    public internal(set) var orders: [String: AgentOrder] = [:]
    /// Parts that answer and are to be carried, as the agent made them.
    public internal(set) var answers: [AgentOrderPart] = []

    /// What roots continue and was tried already.
    var tried: Set<CID> = []

    init(refused: [(CID, DTAError)]) { self.refused = refused.map { (cid: $0.0, error: $0.1) } }

    /// The answering parts, each once.
    public var answerCIDs: [CID] {
        var seen: Set<String> = []
        return answers.filter { seen.insert($0.cid).inserted }.compactMap { try? CID($0.cid) }
    }
}
