import AgentProtocol
import ArgumentParser
import DTACourier
import DTAFormats
import DTASystem

struct OrderListCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List the orders in which you have a part.",
        discussion: """
            Newest first, 100 of them; --all lists all. Filters must all match. --page goes on where the list before ended, \
            with the word that it named. One that is marked (!) does not go on by itself; order show says why.

            Example:
              dtactl order list --role fiduciary --state requested
              dtactl order list --party carol --sort created --all --json
            """)

    enum Sort: String, CaseIterable, ExpressibleByArgument {
        case created
        case updated
        case newestCreated = "-created"
        case newestUpdated = "-updated"
    }

    @Option(help: "Only orders in this state.")
    var state: Word<OrderState>?

    @Option(help: "Only orders in which one of your identities has this role.")
    var role: Word<OrderRole>?

    @Option(name: [.long, .customShort("t")], help: "Only orders of this type.")
    var type: String?

    @Option(
        help: ArgumentHelp("Only orders in which this identity has a part.", valueName: "alias"),
        completion: .identityNames)
    var party: String?

    @Option(help: "What comes first; with - the newest does.")
    var sort = Sort.newestUpdated

    @Option(name: [.long, .customShort("n")], help: "How many at most (100), up to 1,000.")
    var last = 100

    @Option(help: ArgumentHelp("Where the list before ended, as it said.", valueName: "word"))
    var page = ""

    @Flag(help: "All of them, however many.")
    var all = false

    @OptionGroup var agent: AgentOptions

    func validate() throws {
        if !(1...1000).contains(last) { throw ValidationError("--last is 1 to 1,000.") }
    }

    func run() throws {
        let client = agent.connect()
        let parties = Parties(client)
        var cursor = page
        var count = 0
        repeat {
            let answer = try client.call(
                .listOrders(count: all ? 1000 : UInt32(last), cursor: cursor, filters: filters))
            cursor = answer.cursor
            if agent.json {
                try JSON.showLines(answer.orders.map { .object($0.members) })
            } else if !answer.orders.isEmpty {
                try OrderTable.show(answer.orders, parties, headings: count == 0)
            }
            count += answer.orders.count
        } while all && !cursor.isEmpty
        if count == 0, !agent.json {
            StandardError.note(
                filters.count > 1 ? "no order matches" : "there are no orders; dtactl order create makes one")
        }
        if !cursor.isEmpty { StandardError.warn("there are more: --page \(cursor)") }
    }

    private var filters: [(name: String, value: String)] {
        [
            ("state", state?.value.rawValue), ("role", role?.value.rawValue), ("type", type), ("party", party),
            ("sort", sort.rawValue),
        ].compactMap { name, value in value.map { (name, $0) } }
    }
}

/// A word of the protocol as an argument.
struct Word<Value: RawRepresentable & CaseIterable>: ExpressibleByArgument where Value.RawValue == String {
    let value: Value

    init?(argument: String) {
        guard let value = Value(rawValue: argument) else { return nil }
        self.value = value
    }

    static var allValueStrings: [String] { Value.allCases.map(\.rawValue) }
}

/// Orders as rows. On a narrow terminal there are fewer columns, instead of cut references.
enum OrderTable {
    static func show(_ orders: [AgentOrder], _ parties: Parties, headings: Bool = true) throws {
        let width = Terminal.output.width ?? .max
        let optional: [(from: Int, column: Table.Column, cell: (AgentOrder) -> Table.Cell)] = [
            (60, .init(title: "type", minimum: 6), { .init($0.type) }),
            (
                0, .init(title: "state", minimum: 6),
                { .init($0.stateText, $0.waitsForComparison ? .bad : $0.stateStyle) }
            ),
            (
                0, .init(title: "who", minimum: 8),
                { order in
                    let others = [order.principal, order.fiduciary, order.beneficiary].filter { !$0.isEmpty }
                    return .init(others.map(parties.name).joined(separator: " → "))
                }
            ),
            (
                72, .init(title: "uses", isNumber: true),
                { .init($0.maxUses == 0 ? "\($0.uses)" : "\($0.uses)/\($0.maxUses)") }
            ),
            (90, TimeColumn.column("updated"), { .init(TimeColumn.text($0.updated)) }),
            (110, .init(title: "next", minimum: 8), { .init($0.nextText, .dim) }),
        ]
        let shown = optional.filter { width >= $0.from }
        var table = Table([.init(title: "order", isNumber: false, preferred: 12)] + shown.map(\.column))
        for order in orders { table.add([.init(order.shortReference, .bold)] + shown.map { $0.cell(order) }) }
        try table.show(headings: headings)
    }
}
