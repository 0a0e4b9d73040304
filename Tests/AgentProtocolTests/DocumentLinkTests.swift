import Foundation
import TestSupport
import Testing

/// The links between the pages: each leads to a file, and to a heading in it.
@Suite("The documents' links")
struct DocumentLinkTests {
    private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    private static var pages: [String] {
        get throws {
            let docs = try FileManager.default.contentsOfDirectory(atPath: root.appending(path: "docs").path)
            return ["README.md", "CONTRIBUTING.md", "Benchmarks/README.md"]
                + docs.filter { $0.hasSuffix(".md") }.sorted().map { "docs/" + $0 }
        }
    }

    @Test("each link of a page leads to a file that is there, and to a heading that it has", arguments: try pages)
    func links(page: String) throws {
        let file = Self.root.appending(path: page)
        let text = try String(contentsOf: file, encoding: .utf8)
        let expression = try NSRegularExpression(pattern: #"\]\(([^)\s]+)\)"#)
        for match in expression.matches(in: text, range: NSRange(text.startIndex..., in: text)) {
            let link = String(text[try #require(Range(match.range(at: 1), in: text))])
            if link.contains("://") || link.hasPrefix("mailto:") { continue }
            let parts = link.split(separator: "#", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            let target =
                parts[0].isEmpty ? file : file.deletingLastPathComponent().appending(path: parts[0]).standardizedFileURL
            #expect(FileManager.default.fileExists(atPath: target.path), "\(page): \(link)")
            guard parts.count == 2, target.pathExtension == "md" else { continue }
            #expect(try headings(of: target).contains(parts[1]), "\(page): \(link)")
        }
    }

    @Test("the README names each page of docs/")
    func listed() throws {
        let readme = try String(contentsOf: Self.root.appending(path: "README.md"), encoding: .utf8)
        for page in try Self.pages where page.hasPrefix("docs/") {
            #expect(readme.contains("](\(page)"), "\(page) is not among the links")
        }
    }

    /// The names by which GitHub links to headings.
    private func headings(of file: URL) throws -> Set<String> {
        var names: Set<String> = []
        for line in try String(contentsOf: file, encoding: .utf8).split(separator: "\n") where line.hasPrefix("#") {
            let title = line.drop { $0 == "#" }.trimmingCharacters(in: .whitespaces).lowercased()
            let name = title.unicodeScalars.filter {
                $0.properties.isAlphabetic || ("0"..."9").contains($0) || $0 == "-" || $0 == "_" || $0 == " "
            }
            names.insert(String(String.UnicodeScalarView(name)).replacingOccurrences(of: " ", with: "-"))
        }
        return names
    }
}
