import DTASystem
import FoundationEssentials
import Glibc

/// Audit records (docs/audit.md) as a table, or as lines just as they are.
struct AuditRows {
    private let lines: [String]

    init(_ lines: [String]) { self.lines = lines }

    private struct Record: Decodable {
        struct Checkpoint: Decodable { var n: UInt64 }
        var time: String?
        var uid: UInt32?
        var user: String?
        var exe: String?
        var unit: String?
        var op: String?
        var subject: String?
        var detail: String?
        var result: String?
        var us: Int64?
        var count: UInt64?
        var event: String?
        var checkpoint: Checkpoint?
    }

    func show(json: Bool, headings: Bool) throws {
        if json {
            for line in lines { try StandardOutput.line(SafeText.line(line)) }
        } else if !lines.isEmpty {
            let rows = lines.map(AuditRows.row)
            if let width = Terminal.output.width, width < AuditRows.wide {
                for row in rows { try StandardOutput.line(row.narrow(width)) }
            } else {
                try AuditRows.table(rows).show(headings: headings)
            }
        }
    }

    /// From this many columns on, a record takes one line.
    private static let wide = 80

    /// The parts of a record that are shown.
    private struct Row {
        var time: Table.Cell
        var user: Table.Cell
        var operation: Table.Cell
        /// For an event: its whole text.
        var subject: Table.Cell
        var result: Table.Cell?
        var took = ""
        var program = ""
        var detail = ""

        /// Two lines: time, user and result; then what was done.
        func narrow(_ width: Int) -> String {
            func line(_ cells: [Table.Cell]) -> String {
                var table = Table(cells.map { _ in .init(title: "", minimum: 4, cut: .middle) })
                table.add(cells)
                return table.lines(width: width, headings: false).joined()
            }
            let first = [time, user] + (result.map { [$0] } ?? [])
            return line(first) + "\n" + line([.init(""), operation, subject])
        }
    }

    private static func table(_ rows: [Row]) -> Table {
        // Few records have a program; a column that is always empty would waste room.
        // On a narrow terminal the most important columns keep their room.
        let width = Terminal.output.width ?? .max
        let hasPrograms = width >= 100 && rows.contains { !$0.program.isEmpty }
        let hasDetails = width >= 120 && rows.contains { !$0.detail.isEmpty }
        var columns: [Table.Column] = [
            TimeColumn.column("time", preferred: 19), .init(title: "user", minimum: 6, preferred: 8),
            .init(title: "operation", preferred: 15), .init(title: "subject", minimum: 10, cut: .middle, preferred: 16),
            .init(title: "result", minimum: 9, preferred: 9), .init(title: "took", isNumber: true, preferred: 7),
        ]
        columns[0].minimum = nil
        if hasPrograms { columns.append(.init(title: "program", minimum: 8, cut: .middle)) }
        if hasDetails { columns.append(.init(title: "detail", minimum: 8, cut: .middle)) }
        var table = Table(columns)
        for row in rows {
            var cells = [row.time, row.user, row.operation, row.subject]
            if let result = row.result {
                cells += [result, .init(row.took, .dim)]
                if hasPrograms { cells.append(.init(row.program, .dim)) }
                if hasDetails { cells.append(.init(row.detail)) }
            }
            table.add(cells)
        }
        return table
    }

    private static func row(_ line: String) -> Row {
        guard let record = try? JSONDecoder().decode(Record.self, from: Data(line.utf8)) else {
            return Row(time: .init("?"), user: .init(""), operation: .init("unread", .bad), subject: .init(line))
        }
        let time = Table.Cell(record.time.map(localTime) ?? "?", .dim)
        if let checkpoint = record.checkpoint {
            return Row(
                time: time, user: .init("–", .dim), operation: .init("checkpoint", .dim),
                subject: .init("signed up to record \(checkpoint.n)", .dim))
        }
        if let event = record.event {
            return Row(time: time, user: .init("–"), operation: .init("event", .warning), subject: .init(event))
        }
        let result = record.result ?? "?"
        // Refusals that were counted together.
        let times = record.count.map { " ×\($0)" } ?? ""
        let user = record.user.flatMap { $0.isEmpty ? nil : $0 } ?? record.uid.map { "uid \($0)" } ?? "?"
        var detail = record.detail ?? ""
        var subject = record.subject ?? ""
        // The subject of a request that makes an order is empty: the order had no name yet.
        if subject.isEmpty, let word = detail.split(separator: " ").first(where: { $0.hasPrefix("order=") }) {
            subject = String(word.dropFirst(6))
            detail = detail.split(separator: " ").filter { $0 != word }.joined(separator: " ")
        }
        return Row(
            time: time, user: .init(user), operation: .init(record.op ?? "?"), subject: .init(subject, .bold),
            result: .init(
                result + times, result == "OK" ? .good : result == ErrorCode.permissionDenied.name ? .bad : .warning),
            took: record.us.map(HumanUnits.duration) ?? "", program: record.unit ?? program(record.exe), detail: detail)
    }

    /// The last component of a path: the record itself has all of it.
    private static func program(_ path: String?) -> String {
        path?.split(separator: "/").last.map(String.init) ?? ""
    }

    /// RFC 3339 in UTC as local time; any other text unchanged.
    private static func localTime(_ text: String) -> String {
        let numbers = text.split { !$0.isNumber }.prefix(6).compactMap { Int32($0) }
        guard numbers.count == 6, text.hasSuffix("Z") else { return text }
        var parts = tm()
        (parts.tm_year, parts.tm_mon, parts.tm_mday) = (numbers[0] - 1900, numbers[1] - 1, numbers[2])
        (parts.tm_hour, parts.tm_min, parts.tm_sec) = (numbers[3], numbers[4], numbers[5])
        return TimeColumn.text(Int64(unsafe timegm(&parts)), seconds: true)
    }
}
