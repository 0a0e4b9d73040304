import Foundation
import TestSupport
import Testing

@Suite("The commands of dtad-hsm", .ownThread)
struct CommandPageTests {
    @Test("the commands of dtad-hsm are the same in its usage and in the page on custody, in the same order")
    func page() throws {
        let said = try run(try Binary.path("dtad-hsm"), ["--nonsense"]).errors.split(separator: "\n")
        let usage = said.compactMap { line -> String? in
            guard let start = line.range(of: "dtad-hsm --") else { return nil }
            // What comes after two spaces explains the command.
            return line[start.lowerBound...].components(separatedBy: "  ")[0]
        }
        let path = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appending(path: "../../docs/custody.md")
        let section = try String(contentsOf: path, encoding: .utf8).components(separatedBy: "\n## Commands\n").last
        let page = try #require(section).components(separatedBy: "\n## ")[0].split(separator: "\n")
            .filter { $0.hasPrefix("    dtad-hsm --") }.map { String($0.dropFirst(4)) }
        #expect(usage.count > 5 && page == usage, "\(usage)")
    }
}
