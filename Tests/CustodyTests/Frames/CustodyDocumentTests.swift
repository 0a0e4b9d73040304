import CustodyProtocol
import Foundation
import Testing

/// The table of operations in docs/custody.md, held against the messages.
@Suite("The page about custody")
struct CustodyDocumentTests {
    private struct Row {
        let number: UInt8
        let name: String
        let fields: String
        let classes: String
    }

    private func rows() throws -> [Row] {
        let page = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appending(path: "../../../docs/custody.md").standardizedFileURL
        return try String(contentsOf: page, encoding: .utf8).split(separator: "\n").compactMap { line in
            let cells = line.split(separator: "|", omittingEmptySubsequences: false)
                .map { $0.trimmingCharacters(in: .whitespaces) }
            // The numbered tables of other sections have fewer columns.
            guard cells.count == 7, let number = UInt8(cells[1]) else { return nil }
            return Row(number: number, name: cells[2], fields: cells[3], classes: cells[5])
        }
    }

    @Test("custody.md lists each operation with its number and with the classes that its message may use")
    func operations() throws {
        let rows = try rows()
        let served = CustodyOperation.allCases.map(\.rawValue)
        #expect(rows.map(\.number) == (served + CustodyOperation.retired).sorted())
        for operation in CustodyOperation.allCases {
            let row = try #require(rows.first { $0.number == operation.rawValue })
            #expect(row.name == "\(operation)")
            #expect(row.classes == operation.message.classes.map(\.name).joined(separator: ", "), "\(operation)")
        }
    }

    @Test("custody.md lists as many fields of each request as were recorded")
    func fields() throws {
        let rows = try rows()
        for operation in CustodyOperation.allCases {
            let row = try #require(rows.first { $0.number == operation.rawValue })
            let text = row.fields == "as release" ? rows.first { $0.name == "release" }?.fields : row.fields
            // What stands behind a colon is the field's bounds.
            let fields = try #require(text?.split(separator: ":").first.map(String.init) ?? text)
                .components(separatedBy: ", ").filter { !$0.isEmpty }
            let count = fields.reduce(0) { $0 + ($1 == "*recipient*" ? 5 : 1) }
            #expect(try RecordedSession.exchange(operation).fields.count == count, "\(operation)")
        }
    }
}
