import AgentProtocol
import Foundation
import TestSupport
import Testing

/// What the pages of docs/ list, held against the code that they describe.
@Suite("The documents", .ownThread)
struct DocumentTests {
    private func text(_ path: String) throws -> String { try Documents.text(path) }

    /// The text between two marks.
    private func part(of text: String, from start: String, to end: String) throws -> String {
        let first = try #require(text.range(of: start), "\(start) is not there")
        let last = try #require(text.range(of: end, range: first.upperBound..<text.endIndex), "\(end) is not there")
        return String(text[first.upperBound..<last.lowerBound])
    }

    /// All first groups of a regular expression, in order.
    private func matches(_ pattern: String, in text: String) throws -> [String] {
        let expression = try NSRegularExpression(pattern: pattern, options: .anchorsMatchLines)
        return expression.matches(in: text, range: NSRange(text.startIndex..., in: text)).compactMap { match in
            Range(match.range(at: 1), in: text).map { String(text[$0]) }
        }
    }

    /// The operations' names in the audit log, of all or of those whose records are on the disk before the answer.
    private func recordNames(synced: Bool? = nil) throws -> [String] {
        let folder = Documents.root.appending(path: "Sources/dtad/Operations")
        let isSynced = synced.map { "\($0)" } ?? #"\w+"#
        return try FileManager.default.contentsOfDirectory(atPath: folder.path).flatMap { file in
            try matches(
                #"= Operation\(\s*\.\w+, "([a-z.]+)", isSynced: "# + isSynced + ",",
                in: text("Sources/dtad/Operations/\(file)"))
        }.sorted()
    }

    @Test("protocol.md lists each operation with its number")
    func operations() throws {
        let page = try part(of: text("docs/protocol.md"), from: "## Operations", to: "\n**Lists**")
        let listed = zip(
            try matches(#"^\| (\d+) \| [A-Z_]+ \|"#, in: page), try matches(#"^\| \d+ \| ([A-Z_]+) \|"#, in: page)
        ).map { "\($0) \($1)" }
        let proto = try part(of: text("Sources/AgentProtocol/agent.proto"), from: "enum Operation {", to: "\n}")
        let declared = zip(
            try matches(#"OPERATION_[A-Z_]+ = (\d+);"#, in: proto),
            try matches(#"OPERATION_([A-Z_]+) = \d+;"#, in: proto)
        ).map { "\($0) \($1)" }.filter { $0 != "0 UNSPECIFIED" }
        #expect(declared.count == AgentOperation.allCases.count - 1)
        #expect(listed == declared)
    }

    @Test("protocol.md lists each field of details")
    func details() throws {
        let page = try part(of: text("docs/protocol.md"), from: "the field `details`:", to: ". `size` and `key`")
        let proto = try part(of: text("Sources/AgentProtocol/agent.proto"), from: "message Details {", to: "\n}")
        #expect(try matches(#"`(\w+)`"#, in: page).sorted() == matches(#"(\w+) = \d+;"#, in: proto).sorted())
    }

    @Test("audit.md lists each operation, and in bold those whose records are on the disk before the answer")
    func auditOperations() throws {
        let page = try part(of: text("docs/audit.md"), from: "### Operations", to: "### Details")
        let rows = page.split(separator: "\n").filter { $0.hasPrefix("| ") && !$0.contains("`op`") }.joined()
        let names = try recordNames()
        #expect(names.count == AgentOperation.allCases.count - 1)
        #expect(try matches(#"`([a-z.]+)`"#, in: rows).sorted() == names)
        #expect(try matches(#"\*\*`([a-z.]+)`\*\*"#, in: rows).sorted() == recordNames(synced: true))
    }

    @Test("ssh.md lists each reason of a refusal and each term, and audit.md each request on ssh.sock")
    func ssh() throws {
        let page = try text("docs/ssh.md")
        let obstacles = try text("Sources/DTASSH/Destinations/SSHObstacle.swift")
        let words = try matches(#"^    case (\w+(?: = "[\w-]+")?)$"#, in: obstacles).map {
            $0.split(separator: "\"").last.map(String.init) ?? $0
        }
        let reasons = try part(of: page, from: "| `why=` |", to: "\n\n")
        #expect(words.count > 20)
        #expect(try matches(#"^\| `([\w-]+)` \|"#, in: reasons) == words)

        let terms = try part(of: page, from: "| Term |", to: "\n\n")
        let section = try part(
            of: text("Sources/DTAConfiguration/Configuration+SSH.swift"), from: "extension Configuration.SSH.Terms",
            to: "below.finish")
        let keys = try matches(#"section\.\w+\("(\w+)"[,)]"#, in: section)
        #expect(try matches(#"^\| `(\w+)` \|"#, in: terms).sorted() == keys.sorted())

        let requests = try part(
            of: text("docs/audit.md"), from: "### Operations of ssh.sock", to: "| Word in `detail` |")
        let folder = Documents.root.appending(path: "Sources/dtad/SSH")
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.path).flatMap { file in
            try matches(#""(ssh\.[a-z]+)""#, in: text("Sources/dtad/SSH/\(file)"))
        }
        #expect(try Set(matches(#"`(ssh\.[a-z]+)`"#, in: requests)) == Set(names))
    }

    @Test("architecture.md lists each module and each class of object on the token")
    func architecture() throws {
        let page = try text("docs/architecture.md")
        let folders = try FileManager.default.contentsOfDirectory(
            atPath: Documents.root.appending(path: "Sources").path)
        let modules = try part(of: page, from: "| Module | is |", to: "\n\n")
        let firsts = modules.split(separator: "\n").compactMap { $0.split(separator: "|").first }.joined(separator: " ")
        #expect(try matches(#"`([\w-]+)`"#, in: firsts).sorted() == folders.sorted())

        let classes = try part(of: page, from: "| Class | Objects |", to: "\n\n")
        let source = try part(
            of: text("Sources/CustodyProtocol/CustodyOperation.swift"), from: "enum ObjectClass",
            to: "/// The kinds of key")
        #expect(
            try matches(#"^\| `([\w-]+)` \|"#, in: classes).sorted()
                == matches(#"case \.\w+: "([\w-]+)""#, in: source).sorted())
    }
}
