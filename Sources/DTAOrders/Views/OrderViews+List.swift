import DTACore
import DTAFormats
import DTASystem
import GRDB

/// The filters of a list of orders, as a client gives them.
package struct OrderFilters: Sendable {
    var state: OrderState?
    var role: OrderRoles?
    var type: String?
    var party: String?
    var sort = Sort(column: "updated", isDescending: true)

    struct Sort: Sendable {
        /// A column of `order_views`.
        let column: String
        let isDescending: Bool
    }

    private static let sorts = [
        "created": Sort(column: "created", isDescending: false),
        "-created": Sort(column: "created", isDescending: true),
        "updated": Sort(column: "updated", isDescending: false),
        "-updated": Sort(column: "updated", isDescending: true),
    ]

    /// - Throws: `DTAError.invalidArgument` for an unknown filter.
    package init(_ filters: [(String, String)]) throws {
        for (name, value) in filters {
            switch name {
            case "state":
                guard let state = OrderState(rawValue: value) else {
                    let known = OrderState.allCases.map(\.rawValue).joined(separator: ", ")
                    throw DTAError(.invalidArgument, "no order is \(quoted(value)): they are \(known)")
                }
                self.state = state
            case "role":
                guard let role = OrderRoles(name: value) else {
                    throw DTAError(
                        .invalidArgument,
                        "\(quoted(value)) is no role in an order: there are "
                            + OrderRoles(rawValue: 63).names.joined(separator: ", "))
                }
                self.role = role
            case "type": type = value
            case "party": party = value
            case "sort":
                guard let sort = OrderFilters.sorts[value] else {
                    throw DTAError(
                        .invalidArgument,
                        "orders are sorted by created, -created, updated or -updated, not \(quoted(value))")
                }
                self.sort = sort
            default:
                throw DTAError(
                    .invalidArgument,
                    "orders are filtered by state, role, type and party, and sorted by sort, not by \(quoted(name))")
            }
        }
    }
}

extension OrderViews {
    /// How many rows a page reads to find those that fit: a page may have fewer rows than asked for, or none, and still
    /// have a next one.
    private static let looked = 5000

    /// The orders in which a caller has a part; all of them for an administrator.
    /// - Parameter subjects: CIDs of identities, one of which must have a part in an order; none: all orders.
    func list(
        _ caller: Caller, count: UInt32, cursor: String, filters: OrderFilters, of subjects: [String] = []
    ) throws -> Page<OrderView> {
        let size = try PageSize.of(count)
        let party = try filters.party.map(lookup.identities.cid)
        let start = try Cursor(cursor, filters.sort)
        let narrowed = try OrderViews.narrowing(subjects)
        return try store.read { database in
            let visible = try lookup.visible(caller, database)
            // If the caller names identities, only their orders are read.
            let read: [Int64] =
                caller.isAdministrator && filters.role == nil && narrowed.isEmpty
                ? [OrderTable.everybody]
                : try (narrowed.isEmpty ? visible : narrowed).compactMap {
                    try OrderTable.knownIdentity($0, in: database)
                }
            var scan = Scan(
                identities: read,
                filters: filters, party: try party.map { try OrderTable.knownIdentity($0, in: database) ?? -1 },
                place: start, database: database)
            var items: [OrderView] = []
            while items.count < size, scan.looked < OrderViews.looked, let number = try scan.next(batch: size + 1) {
                let record = try OrderTable.need(number, in: database)
                guard filters.type == nil || filters.type == record.kind,
                    narrowed.isEmpty || caller.isAdministrator || !visible.isDisjoint(with: record.terms.parties)
                else { continue }
                items.append(try view(record, for: caller, visible: visible, database))
            }
            return Page(items: items, cursor: try scan.isAtEnd(batch: size + 1) ? "" : scan.place.text)
        }
    }

    /// Where a list continues: after this order.
    private struct Cursor {
        var time: Int64
        var number: Int64

        init(_ cursor: String, _ sort: OrderFilters.Sort) throws {
            guard !cursor.isEmpty else {
                (time, number) = sort.isDescending ? (.max, .max) : (-1, 0)
                return
            }
            let parts = cursor.split(separator: ":", omittingEmptySubsequences: false)
            guard parts.count == 2, let time = Int64(parts[0]), let number = Int64(parts[1]) else {
                throw DTAError(.invalidArgument, "\(quoted(cursor)) is no cursor of the orders")
            }
            (self.time, self.number) = (time, number)
        }

        var text: String { "\(time):\(number)" }
    }

    /// Reads the views of some identities from their indexes, merged in order, each order once.
    private struct Scan {
        private struct Row {
            let time: Int64
            let number: Int64
            let roles: OrderRoles
        }

        private let identities: [Int64]
        private let filters: OrderFilters
        private let party: Int64?
        private let database: Database
        private(set) var place: Cursor
        private(set) var looked = 0
        /// Rows that were read but not looked at yet, the next one last.
        private var waiting: [Row] = []
        private var isExhausted = false

        init(identities: [Int64], filters: OrderFilters, party: Int64?, place: Cursor, database: Database) {
            self.identities = identities
            self.filters = filters
            self.party = party
            self.place = place
            self.database = database
        }

        /// The next order that fits all filters but the type; nil if there is none, or enough rows were read.
        mutating func next(batch: Int) throws -> Int64? {
            while looked < OrderViews.looked {
                if waiting.isEmpty { try fill(batch) }
                guard let row = waiting.popLast() else { return nil }
                looked += 1
                (place.time, place.number) = (row.time, row.number)
                guard filters.role.map({ !row.roles.isDisjoint(with: $0) }) ?? true, try fits(row.number) else {
                    continue
                }
                return row.number
            }
            return nil
        }

        mutating func isAtEnd(batch: Int) throws -> Bool {
            if waiting.isEmpty { try fill(batch) }
            return waiting.isEmpty
        }

        private func fits(_ number: Int64) throws -> Bool {
            guard let party else { return true }
            return try Bool.fetchOne(
                database.cachedStatement(
                    sql: "SELECT EXISTS (SELECT 1 FROM order_views WHERE identity = ? AND in_order = ?)"),
                arguments: [party, number]) ?? false
        }

        private mutating func fill(_ batch: Int) throws {
            guard !isExhausted else { return }
            var found: [Int64: Row] = [:]
            for identity in identities {
                for row in try rows(identity, batch) {
                    let roles = found[row.number]?.roles ?? []
                    found[row.number] = Row(time: row.time, number: row.number, roles: row.roles.union(roles))
                }
            }
            let sorted = found.values.sorted { ($0.time, $0.number) < ($1.time, $1.number) }
            // Rows beyond the batch are dropped here, and read again in their turn.
            let next = filters.sort.isDescending ? Array(sorted.suffix(batch)) : Array(sorted.prefix(batch).reversed())
            waiting = next
            isExhausted = next.isEmpty
        }

        private func rows(_ identity: Int64, _ batch: Int) throws -> [Row] {
            let column = filters.sort.column
            let (compare, direction) = filters.sort.isDescending ? ("<", "DESC") : (">", "ASC")
            let state = filters.state == nil ? "" : "AND state = ? "
            var arguments: [any DatabaseValueConvertible] = [identity]
            if let state = filters.state { arguments.append(state.rawValue) }
            arguments += [place.time, place.number, batch]
            return try GRDB.Row.fetchAll(
                database.cachedStatement(
                    sql: """
                        SELECT \(column) AS time, in_order, roles FROM order_views
                        WHERE identity = ? \(state)AND (\(column), in_order) \(compare) (?, ?)
                        ORDER BY \(column) \(direction), in_order \(direction) LIMIT ?
                        """), arguments: StatementArguments(arguments)
            ).map { Row(time: $0["time"], number: $0["in_order"], roles: OrderRoles(rawValue: $0["roles"])) }
        }
    }
}
