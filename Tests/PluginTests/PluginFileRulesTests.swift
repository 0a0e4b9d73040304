import Foundation
import Testing

@testable import DTAPlugins

@Suite("What a plugin that runs as the agent's user may open")
struct PluginFileRulesTests {
    @Test("the page on plugins names each path that Landlock lets it open, and no other")
    func page() throws {
        let path = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appending(path: "../../docs/plugins.md")
        let lines = try String(contentsOf: path, encoding: .utf8).components(separatedBy: "\n")
        func named(_ row: String) throws -> Set<String> {
            let line = try #require(lines.first { $0.hasPrefix("| \(row) | ") }).dropFirst("| \(row) | ".count)
            // Every second piece stands between backquotes.
            return Set(line.components(separatedBy: "`").enumerated().filter { $0.offset % 2 == 1 }.map(\.element))
        }
        #expect(try named("read and run") == Set(PluginFileRules.programs))
        let etc = try named("read, of `/etc`").map { "/etc/\($0)" }
        #expect(try named("read").union(etc) == Set(PluginFileRules.files))
    }
}
