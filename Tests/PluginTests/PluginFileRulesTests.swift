import Foundation
import Testing

@testable import DTAPlugins

@Suite("What a plugin that runs as the agent's user may open")
struct PluginFileRulesTests {
    @Test("the page on plugins names each path that Landlock lets it open, and no other")
    func page() throws {
        let path = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appending(path: "../../docs/plugins.md")
        let lines = try String(contentsOf: path, encoding: .utf8).components(separatedBy: "\n")
        func named(_ row: String) -> Set<String> {
            let start = "| \(row) | "
            let cells = lines.filter { $0.hasPrefix(start) }.map { $0.dropFirst(start.count) }.joined()
            // Every second piece is between backquotes.
            return Set(cells.components(separatedBy: "`").enumerated().filter { $0.offset % 2 == 1 }.map(\.element))
        }
        #expect(named("read and run") == Set(PluginFileRules.programs))
        let etc = named("read, of `/etc`").map { "/etc/\($0)" }
        #expect(named("read").union(etc) == Set(PluginFileRules.files))
    }
}
