import AgentProtocol
import ArgumentParser
import DTACourier
import DTAFormats
import DTASystem
import Glibc

struct OrderReceiveCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "receive", abstract: "Take in what others made for an order: from a CAR file, or their gateways.",
        discussion: """
            A file is what --out wrote; - is standard input. With REF instead, the gateways of the \
            order's other parties are asked for what is not here yet. With the CID of an order that is not known here, --via \
            names the gateway to ask. The messages that answer it are carried on, or written with --out.

            Example:
              dtactl order receive /media/usb/order.car --out /media/usb/answer.car
              dtactl order receive k3v7xq2a
            """)

    @Argument(
        help: "A CAR file, - for standard input, or an order.", completion: .file(),
        transform: FileName.argument)
    var source: String

    @OptionGroup var courier: CourierOptions
    @OptionGroup var agent: AgentOptions

    func run() throws {
        let client = agent.connect()
        var carrier = Carrier(client, courier)
        if isFile {
            try carrier.take(file: InputFile(source).all(limit: Consignment.maximumSize, hint: tooLarge))
        } else {
            try poll(client, &carrier)
        }
        if courier.out == nil, !courier.hold { carrier.run() }
        try ReceivedOrders(carrier: carrier, client: client, agent: agent).conclude()
    }

    private let tooLarge = "dtactl ledger import takes a CAR of any size; order receive REF then goes on"

    /// If the argument looks like the name of an order, and no such file exists, it is an order.
    private var isFile: Bool {
        if source == "-" || source.contains("/") || source.hasSuffix(".car") { return true }
        return access(NativeText.path(source), F_OK) == 0
    }

    private func poll(_ client: BlockingAgentClient, _ carrier: inout Carrier) throws {
        let order: AgentOrder?
        do {
            order = try client.call(.showOrder(source)).orders.first
        } catch let error as DTAError where error.code == .notFound {
            guard let via = courier.via, let cid = try? CID(source) else { throw error }
            _ = try carrier.poll(via, after: cid)
            return
        }
        guard let order else { throw DTAError(.internal, "the agent answered without the order") }
        var poll = OrderPoll(order: order)
        try poll.run(&carrier)
    }

    enum CodingKeys: CodingKey { case source, courier, agent }
}

/// The parts of orders that the fiduciary answered: it has them, or no longer needs them.
private struct AnsweredParts {
    private let answered: Set<String>

    init(_ parts: [AgentOrderPart]) {
        let answers = parts.filter {
            $0.isAccepted && [.commitment, .release, .refusal].contains($0.knownKind)
        }
        answered = Set(answers.map(\.previous))
    }

    func has(_ part: AgentOrderPart) -> Bool {
        answered.contains(part.cid) || (part.knownKind == .approval && answered.contains(part.previous))
    }
}

/// The parts that came, and their outcomes.
struct ReceivedOrders {
    let carrier: Carrier
    let client: BlockingAgentClient
    let agent: AgentOptions

    func conclude() throws {
        let touched = carrier.orders.values.sorted {
            $0.created == $1.created ? $0.cid < $1.cid : $0.created < $1.created
        }
        .map { (order: $0, now: try? client.call(.showOrder($0.cid))) }
        let orders = touched.map { $0.now?.orders.first ?? $0.order }
        let file = try writeAnswers()
        if file != "-" {
            if agent.json {
                try JSON.showLines(orders.map { .object($0.members) })
            } else {
                for order in orders { try StandardOutput.line(SafeText.line("\(order.state) \(order.reference)")) }
                if orders.isEmpty, carrier.refused.isEmpty {
                    let count = carrier.documents
                    StandardError.note(
                        count == 0
                            ? "there was nothing new"
                            : "no part of an order came; \(count) document\(count == 1 ? "" : "s") of identities "
                                + "\(count == 1 ? "is" : "are") known here now")
                }
            }
        }
        for (cid, error) in carrier.refused {
            StandardError.line(
                Style.bad.apply("not accepted:", to: .error) + " \(cid): " + SafeText.line(error.message))
        }
        if carrier.dropped > 0 {
            StandardError.warn("\(carrier.dropped) blocks came that belong to no part of an order, and were left out")
        }
        let parties = Parties(client)
        let answered = AnsweredParts(touched.flatMap { $0.now?.parts ?? [] })
        for part in carrier.homeless where carrier.options.out == nil && !answered.has(part) {
            let others = part.to.filter { $0 != part.from && !parties.isOwn($0) }
            guard !others.isEmpty else { continue }
            StandardError.warn(
                "\(part.kindWithArticle) is to be carried to \(parties.names(others)), and no URL of a courier is known here: "
                    + "order send REF --out FILE writes it to a file")
        }
        if let first = carrier.undelivered.first {
            throw Failure.failed(
                first.error.code,
                "what came is taken in; the \(first.part.kindText) that answers was not delivered: "
                    + first.error.message, hint: "dtactl order send REF carries it again")
        }
        if carrier.isSpoilt { throw ExitCode(Failure.Exit.failed.rawValue) }
    }

    /// - Returns: the file with the answering parts; nil if there are none.
    private func writeAnswers() throws -> String? {
        guard let path = carrier.options.out else { return nil }
        let cids = try carrier.answers.map { try CID($0) }
        guard !cids.isEmpty else {
            StandardError.warn("nothing answers what came: \(path == "-" ? "nothing" : path) was not written")
            return nil
        }
        let (car, isWhole) = try Courier(client).packForHand(cids)
        if !isWhole { StandardError.warn(CourierOptions.isPartial(path)) }
        if path == "-" { try StandardOutput.write(car) } else { try OutputFile.write(car, to: path) }
        if path != "-" { StandardError.note("\(path): \(cids.count) part\(cids.count == 1 ? "" : "s") to carry") }
        return path
    }
}
