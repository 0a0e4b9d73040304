import AgentProtocol
import DTACourier
import DTAFormats
import DTASystem

/// The common end of all commands that change an order: the new parts are carried, or written to a file, and the order
/// is shown as it is then.
struct OrderOutcome {
    private(set) var order: AgentOrder
    private(set) var carrier: Carrier
    private let agent: AgentOptions
    private var fileParts: [AgentOrderPart] = []
    private var told: [(String, JSON)] = []
    /// The line that was printed before anything was carried or waited for.
    private var announced: String?
    /// The redemption that the command made; "" if it made none.
    private let redemption: String
    /// Why waiting failed.
    private var obstacle: Failure?

    /// - Parameters: `answer`: of an operation on one order; `announcing`: the line that is printed at once, for people
    ///   and scripts: the rest takes time, and may be interrupted.
    init(
        _ answer: AgentResponse, _ client: BlockingAgentClient, _ agent: AgentOptions, _ options: CourierOptions,
        announcing: ((AgentOrder) -> String)? = nil
    ) throws {
        guard let order = answer.orders.first else {
            throw DTAError(.internal, "the agent answered without the order")
        }
        self.order = order
        self.agent = agent
        carrier = Carrier(client, options)
        redemption = answer.parts.last { $0.knownKind == .redemption }?.cid ?? ""
        if let line = announcing?(order), !agent.json, options.out != "-" {
            try StandardOutput.line(SafeText.line(line))
            announced = line
        }
        try carry(answer.parts)
    }

    /// Carries parts, and updates the order.
    mutating func carry(_ parts: [AgentOrderPart]) throws {
        fileParts += parts
        guard carrier.options.out == nil, !carrier.options.hold else { return }
        carrier.add(parts)
        carrier.run()
        if !carrier.exchanges.isEmpty { try refresh() }
    }

    mutating func refresh() throws {
        if let order = try carrier.client.call(.showOrder(order.cid)).orders.first { self.order = order }
    }

    /// Asks the other parties' gateways, and this agent, until the order is as wanted. If time runs out, or it is
    /// refused, `conclude` says so. Ctrl-C prints how to go on, and undoes nothing.
    /// - Parameters: `what`: what the fiduciary still has to do; `then`: what has to be done after that.
    mutating func wait(_ what: String, then: String = "", until isDone: (AgentOrder) -> Bool) throws {
        guard !isDone(order) else { return }
        let began = monotonicNanoseconds()
        let end = began &+ agent.waitingTime
        let goesOn = "it goes on by itself: dtactl order receive \(order.shortReference) asks for what came\(then)"
        let interruption = try Interruption()
        let left = Failure.failed(
            .unavailable, "the order \(order.reference) is \(order.state): there is nothing to wait for any more",
            hint: goesOn)
        interruption.undo {
            StandardError.clearLine()
            left.tell()
        }
        defer { interruption.undo(nil) }
        let fiduciary = Parties(carrier.client).name(order.fiduciary)
        let isShown = Terminal.error.isTerminal && !agent.json
        defer { if isShown { StandardError.clearLine() } }
        var pause = Pause()
        while !isDone(order) {
            if let refusal = try refusal() {
                obstacle = refusal
                return
            }
            guard pause.take(until: end) else {
                let next = order.nextText.isEmpty ? "" : "next: \(order.nextText); "
                obstacle = Failure.failed(
                    .unavailable,
                    "the order \(order.reference) is \(order.state): \(fiduciary) did not \(what) in time",
                    hint: next + goesOn)
                return
            }
            if isShown {
                let seconds = Int64((monotonicNanoseconds() - began) / 1_000_000_000)
                let text = "waiting for \(fiduciary) to \(what) …  \(HumanUnits.span(seconds: seconds))"
                StandardError.replaceLine(
                    DisplayWidth.fit(SafeText.line(text), to: (Terminal.error.width ?? 80) - 1, cut: .end))
            }
            if carrier.options.out == nil {
                var poller = OrderPoll(order: order)
                _ = try? poller.run(&carrier)
                carrier.run()
            }
            try refresh()
        }
    }

    /// The failure if the fiduciary refused what the command asked for, or can no longer answer; nil otherwise.
    private func refusal() throws -> Failure? {
        if order.is(.refused, .frozen, .destroyed) {
            return .failed(
                .failedPrecondition,
                "the order \(order.reference) is \(order.state)" + (order.reason.isEmpty ? "" : ": \(order.reason)"),
                hint: "dtactl order show \(order.shortReference) tells what happened")
        }
        guard !redemption.isEmpty, order.is(.committed, .released, .requested) else { return nil }
        let parts = try carrier.client.call(.showOrder(order.cid)).parts
        return parts.last(.refusal, after: redemption).map { refusal in
            .failed(
                .failedPrecondition,
                "the redemption \(redemption) is refused" + (refusal.reason.isEmpty ? "" : ": \(refusal.reason)"),
                hint: "dtactl order show \(order.shortReference) tells what happened; it may be asked for again")
        }
    }

    /// - Throws: `Failure` with the reason if the command's request was refused.
    func requireNotRefused() throws {
        if let refusal = try refusal() { throw refusal }
    }

    /// Writes the CAR, if the user asked for one.
    private func writeFile() throws -> (path: String, parts: Int)? {
        guard let path = carrier.options.out else { return nil }
        var seen: Set<String> = []
        let cids = try fileParts.filter { seen.insert($0.cid).inserted }.map { try CID($0.cid) }
        guard !cids.isEmpty else { return (path, 0) }
        let (car, isWhole) = try Courier(carrier.client).packForHand(cids)
        if !isWhole { StandardError.warn(CourierOptions.isPartial(path)) }
        if path == "-" { try StandardOutput.write(car) } else { try OutputFile.write(car, to: path) }
        return (path, cids.count)
    }

    /// Adds members to the output of `--json`.
    mutating func tell(_ members: [(String, JSON)]) { told += members }

    /// Shows the outcome.
    /// - Parameter line: the line for standard output, for people and scripts.
    /// - Throws: if something was not delivered: the request itself is done here, and the hint says so.
    func conclude(_ line: String? = nil) throws {
        let file = try writeFile()
        let toOutput = file?.path == "-"
        if agent.json, !toOutput {
            try JSON.object(order.members + told + report(file)).show()
        } else if !toOutput {
            let line = line ?? "\(order.state) \(order.reference)"
            if line != announced { try StandardOutput.line(SafeText.line(line)) }
        }
        if !agent.json {
            if let file {
                StandardError.note(
                    file.parts == 0
                        ? "there is nothing to carry; \(file.path) was not written"
                        : "\(file.path): \(file.parts) part\(file.parts == 1 ? "" : "s") to carry")
            }
            for exchange in carrier.exchanges where exchange.sent > 0 {
                StandardError.note("carried to \(exchange.url): \(exchange.sent), brought back: \(exchange.brought)")
            }
            if !order.nextText.isEmpty { StandardError.note("next: \(order.nextText)") }
        }
        try complain()
        if let obstacle { throw obstacle }
    }

    private func complain() throws {
        for (cid, error) in carrier.refused {
            StandardError.line(
                Style.bad.apply("not accepted:", to: .error) + " \(cid): " + SafeText.line(error.message))
        }
        if carrier.dropped > 0 {
            StandardError.warn("\(carrier.dropped) blocks came that belong to no part of an order, and were left out")
        }
        let parties = Parties(carrier.client)
        for part in carrier.homeless where !carrier.options.hold && carrier.options.out == nil {
            let others = part.to.filter { $0 != part.from && !parties.isOwn($0) }
            guard !others.isEmpty else { continue }
            StandardError.warn(
                "the \(part.kindText) is for \(parties.names(others)), and no URL of a courier is known here: "
                    + "order send \(order.shortReference) --out FILE, or identity trust … --at URL")
        }
        if let first = carrier.undelivered.first {
            throw Failure.failed(
                first.error.code,
                "it is done here, and the \(first.part.kindText) was not delivered: \(first.error.message)",
                hint: "dtactl order send \(order.shortReference) carries it again"
                    + (first.hint.isEmpty ? "" : "; \(first.hint)"))
        }
        if carrier.isSpoilt {
            throw Failure.failed(.failedPrecondition, "not all of what came was accepted")
        }
    }

    private func report(_ file: (path: String, parts: Int)?) -> [(String, JSON)] {
        var members: [(String, JSON)] = [
            (
                "carried",
                .array(
                    carrier.exchanges.map {
                        .object([
                            ("url", .string($0.url)), ("sent", .number(Int64($0.sent))),
                            ("brought", .number(Int64($0.brought))),
                        ])
                    })
            ),
            (
                "undelivered",
                .array(
                    carrier.undelivered.map {
                        .object([
                            ("cid", .string($0.part.cid)), ("url", .string($0.url)),
                            ("message", .string($0.error.message)),
                        ])
                    })
            ),
        ]
        if let file, file.parts > 0 { members.append(("out", .string(NativeText.shown(file.path)))) }
        return members
    }

    /// Waits briefly at first, and then longer.
    private struct Pause {
        private var milliseconds: UInt64 = 50

        /// - Returns: whether there was time.
        mutating func take(until end: UInt64) -> Bool {
            let now = monotonicNanoseconds()
            guard now < end else { return false }
            sleepMicroseconds(min(milliseconds * 1000, (end - now) / 1000 + 1))
            milliseconds = min(milliseconds * 3 / 2, 2000)
            return true
        }
    }
}
