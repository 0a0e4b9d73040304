import Foundation
import TestSupport
import Testing

/// The links between the pages: each leads to a file, and to a heading in it.
@Suite("The documents' links", .ownThread)
struct DocumentLinkTests {
    @Test(
        "each link of a page leads to a file that is there, and to a heading that it has",
        arguments: try Documents.pages)
    func links(page: String) throws {
        let file = Documents.root.appending(path: page)
        let text = try Documents.text(page)
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
        let readme = try Documents.text("README.md")
        for page in try Documents.pages where page.hasPrefix("docs/") {
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
