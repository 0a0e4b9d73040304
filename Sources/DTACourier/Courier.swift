import AgentProtocol
import DTAFormats
import DTASystem

/// Takes parts of orders from one agent and brings them to another. It holds no key and need not be trusted: it carries
/// envelopes only.
///
/// One thread at a time: it waits for the agent as `BlockingAgentClient` does.
public struct Courier {
    public let client: BlockingAgentClient
    /// When it gives up, by `monotonicNanoseconds()`.
    public let deadline: UInt64
    /// The most bytes of one CAR.
    let sizeLimit: Int

    /// The most parts of one CAR: the rest is asked for again.
    public static let partLimit = 500
    /// The most parts that are sent in one CAR: the other side works through them before it answers, within a time
    /// limit.
    static let lotLimit = 100
    /// The most bytes that one call takes in, in any number of CARs: a host may answer each answer with another.
    public static let totalLimit = 256 << 20
    /// How long all that one courier does may take, by default.
    public static let time = Duration.seconds(120)

    /// - Parameters:
    ///   - time: for all that it does.
    ///   - sizeLimit: the most bytes of a CAR that it packs.
    public init(
        _ client: BlockingAgentClient, time: Duration = Courier.time, sizeLimit: Int = Consignment.maximumSize
    ) {
        self.client = client
        self.sizeLimit = sizeLimit
        deadline = monotonicNanoseconds() + time.wholeNanoseconds
    }

    static let late = DTAError(
        .unavailable, "what a courier brings or fetches took longer than it may",
        hint: "what was taken in stays: carried again, it goes on from there")

    static func check(_ deadline: UInt64?) throws {
        if let deadline, monotonicNanoseconds() >= deadline { throw late }
    }

    /// The time that is left.
    /// - Throws: `DTAError.unavailable` if none is.
    public var remaining: Duration {
        get throws {
            let now = monotonicNanoseconds()
            guard now < deadline else { throw Courier.late }
            return .nanoseconds(Int64(clamping: deadline - now))
        }
    }

    static func damaged(_ cid: CID, _ error: FormatError) -> DTAError {
        DTAError(.dataLoss, "the agent's block \(cid) is not what it should be: \(error.reason)")
    }

    // MARK: From the agent

    /// It is more than one CAR may have.
    struct TooLarge: Error {}

    /// A CAR with these parts, all that they link to, and what is known of the identities among that.
    /// - Parameter known: the parts that the other side has, with their history.
    /// - Throws: `DTAError`: `notFound` if a block of the history cannot be had here, `resourceExhausted` if it is more
    ///   than a courier takes, else as the agent answers.
    public func pack(_ parts: [CID], known: Set<CID> = []) throws -> [UInt8] {
        do {
            return try packed(parts, known: known)
        } catch is TooLarge {
            throw tooLarge
        }
    }

    var tooLarge: DTAError {
        DTAError(
            .resourceExhausted, "the parts and their history have more than \(sizeLimit >> 10) KiB",
            helps: .carryLargeCAR)
    }

    /// The same; if that is too much, only the parts and those that they continue: a host that answers a part has the
    /// rest.
    /// - Returns: whether it is the whole history.
    public func packForHand(_ parts: [CID]) throws -> (car: [UInt8], isWhole: Bool) {
        do {
            return (try packed(parts, known: []), true)
        } catch is TooLarge {
            let own = Set(parts)
            let before = try parts.compactMap(previous).filter { !own.contains($0) }
            return (try pack(parts, known: Set(before)), false)
        }
    }

    /// - Throws: `TooLarge`.
    func packed(_ parts: [CID], known: Set<CID>) throws -> [UInt8] {
        do {
            var car: [UInt8] = []
            var history = try HistoryFetcher(client, roots: parts, known: known)
            var writer = try CARWriter(roots: parts) { car += $0 }
            try history.run { block in
                _ = try remaining
                try writer.append(block)
                guard writer.size <= UInt64(sizeLimit) else { throw TooLarge() }
            }
            if let reason = history.reason {
                throw reason.saying("a block of the history cannot be had here: \(reason.message)")
            }
            return car
        } catch let error as FormatError {
            throw DTAError(.invalidArgument, error.reason)
        }
    }

    /// The answer to a consignment: a CAR with the parts that the agent made for it; nil if there are none. If they are
    /// more than a courier takes, the first of them: a poll gets the rest.
    public func answer(to delivery: Delivery) throws -> [UInt8]? {
        var parts = Array(delivery.answerCIDs.prefix(Courier.partLimit))
        let known = Set(delivery.received)
        while !parts.isEmpty {
            do {
                return try packed(parts, known: known)
            } catch is TooLarge {
                parts.removeLast((parts.count + 1) / 2)
            }
        }
        return nil
    }

    // MARK: To the agent

    /// Puts the brought blocks into the ledger and has the agent receive each part, one after the other.
    /// - Throws: `DTAError` if the agent can receive nothing now, or the time is over. The result lists refused parts.
    public func deliver(_ consignment: Consignment) throws -> Delivery {
        var blocks = BlockImport()
        try blocks.put(consignment.entries, to: client) { entry in
            _ = try remaining
            return entry.block.bytes
        }
        var delivery = Delivery(refused: blocks.refused.map { ($0.cid, $0.error) }, dropped: consignment.dropped)
        for root in consignment.roots {
            if consignment.strangers.contains(root) {
                delivery.refused.append(
                    (
                        root,
                        DTAError(
                            .invalidArgument,
                            "\(root) is no part of an order, no identity's document and no share of a wallet: couriers bring nothing else",
                            helps: .importCAR)
                    ))
                continue
            }
            // Documents of identities, and published shares, are for the ledger alone.
            if let entry = consignment.kinds[root], entry != .envelope { continue }
            if let header = consignment.envelopes[root], OrderPartKind(contentType: header.content) == nil { continue }
            try receive(root, consignment, &delivery)
        }
        return delivery
    }

    private func receive(_ root: CID, _ consignment: Consignment, _ delivery: inout Delivery) throws {
        if let error = try receive(root, into: &delivery) {
            // The part that it continues may be here only as a block that the agent has not received yet.
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
        let timeout = min(try remaining, .seconds(60))
        do {
            let answer = try client.call(.receiveOrderPart(part.description), timeout: timeout)
            delivery.received.append(part)
            if let order = answer.orders.first { delivery.orders[order.cid] = order }
            delivery.answers += answer.parts
            return nil
        } catch let error as DTAError where error.concernsRequestAlone || error.code == .permissionDenied {
            return error
        }
    }
}
