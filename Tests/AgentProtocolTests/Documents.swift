import Foundation

/// The pages that people read.
enum Documents {
    static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    /// Every page in Markdown, by its path below the root.
    static var pages: [String] {
        get throws {
            let docs = try FileManager.default.contentsOfDirectory(atPath: root.appending(path: "docs").path)
            return ["README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md"]
                + ["Benchmarks/README.md", "Tests/kubo/README.md"]
                + docs.filter { $0.hasSuffix(".md") }.sorted().map { "docs/" + $0 }
        }
    }

    static func text(_ path: String) throws -> String {
        try String(contentsOf: root.appending(path: path), encoding: .utf8)
    }
}
