import FoundationEssentials
import Glibc

/// Audit records (docs/audit.md) as a table, or line by line as they are.
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
            let rows = lines.map(AuditRows.cells)
            // Few records have one; a column that is always empty would only take room.
            let hasDetails = rows.contains { $0.detail != nil }
            var columns: [Table.Column] = [
                .init(title: "time", preferred: 19), .init(title: "user", minimum: 6, preferred: 8),
                .init(title: "operation", preferred: 15),
                .init(title: "subject", minimum: 10, cut: .middle, preferred: 16),
                .init(title: "result", minimum: 9, preferred: 9), .init(title: "took", isNumber: true, preferred: 7),
                .init(title: "program", minimum: 8, cut: .middle),
            ]
            if hasDetails { columns.append(.init(title: "detail", minimum: 8, cut: .middle)) }
            var table = Table(columns)
            for row in rows { table.add(hasDetails ? row.cells + [.init(row.detail ?? "")] : row.cells) }
            try table.show(headings: headings)
        }
    }

    private static func cells(_ line: String) -> (cells: [Table.Cell], detail: String?) {
        guard let record = try? JSONDecoder().decode(Record.self, from: Data(line.utf8)) else {
            return ([.init("?"), .init(""), .init(""), .init(line), .init("unread", .bad), .init(""), .init("")], nil)
        }
        return (cells(record), record.detail)
    }

    private static func cells(_ record: Record) -> [Table.Cell] {
        let time = Table.Cell(record.time.map(localTime) ?? "?", .dim)
        if let checkpoint = record.checkpoint {
            return [
                time, .init("–", .dim), .init("checkpoint", .dim), .init("up to record \(checkpoint.n)", .dim),
                .init("signed", .dim), .init(""), .init(""),
            ]
        }
        if let event = record.event {
            return [time, .init("–"), .init("event", .warning), .init(event), .init(""), .init(""), .init("")]
        }
        let result = record.result ?? "?"
        // Refusals that are counted together.
        let times = record.count.map { " ×\($0)" } ?? ""
        let user = record.user.flatMap { $0.isEmpty ? nil : $0 } ?? record.uid.map { "uid \($0)" } ?? "?"
        return [
            time, .init(user), .init(record.op ?? "?"), .init(record.subject ?? "", .bold),
            .init(result + times, result == "OK" ? .good : result == "PERMISSION_DENIED" ? .bad : .warning),
            .init(record.us.map(HumanUnits.duration) ?? "", .dim), .init(record.unit ?? program(record.exe), .dim),
        ]
    }

    /// The last part of a path: the whole of it is in the record itself.
    private static func program(_ path: String?) -> String {
        path?.split(separator: "/").last.map(String.init) ?? ""
    }

    /// RFC 3339 in UTC as the time here; what is not that as it is.
    private static func localTime(_ text: String) -> String {
        let numbers = text.split { !$0.isNumber }.prefix(6).compactMap { Int32($0) }
        guard numbers.count == 6, text.hasSuffix("Z") else { return text }
        var parts = tm()
        (parts.tm_year, parts.tm_mon, parts.tm_mday) = (numbers[0] - 1900, numbers[1] - 1, numbers[2])
        (parts.tm_hour, parts.tm_min, parts.tm_sec) = (numbers[3], numbers[4], numbers[5])
        return HumanUnits.time(unixSeconds: Int64(unsafe timegm(&parts)), seconds: true)
    }
}
