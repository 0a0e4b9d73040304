import Foundation
import Testing

/// What the modules import, against what Package.swift names for each of them. The build itself lets an import pass if
/// the module happens to be built before.
@Suite("The modules")
struct ModuleTests {
    private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent(
        "../.."
    )
    .standardizedFileURL

    /// The package's targets, and for each the names among its dependencies.
    private let targets: [String: Set<String>]

    init() throws {
        let manifest = try String(contentsOf: Self.root.appendingPathComponent("Package.swift"), encoding: .utf8)
        var targets: [String: Set<String>] = [:]
        for target in manifest.matches(of: /(?:arget|systemLibrary)\(\s*name: "([^"]+)"/) {
            targets[String(target.1)] = []
        }
        for target in manifest.matches(of: /arget\(\s*name: "([^"]+)",\s*dependencies: \[([^\]]*)\]/) {
            targets[String(target.1)] = Set(target.2.matches(of: /"([^"]+)"/).map { String($0.1) })
        }
        self.targets = targets
    }

    @Test("no module imports another one of this package that Package.swift does not name for it")
    func imports() throws {
        #expect(targets["DTALedger"]?.contains("DTACore") == true)
        var files = 0
        for (target, named) in targets {
            for folder in ["Sources/\(target)", "Tests/\(target)"].map({ Self.root.appendingPathComponent($0) })
            where FileManager.default.fileExists(atPath: folder.path) {
                let paths = try FileManager.default.subpathsOfDirectory(atPath: folder.path)
                for path in paths where path.hasSuffix(".swift") {
                    let text = try String(contentsOf: folder.appendingPathComponent(path), encoding: .utf8)
                    let imports = text.matches(of: /^(?:@testable )?import (\w+)/.anchorsMatchLineEndings())
                    let odd = Set(imports.map { String($0.1) }).intersection(targets.keys).subtracting(named)
                    #expect(odd.isEmpty, "\(target)/\(path) imports \(odd.sorted().joined(separator: ", "))")
                    files += 1
                }
            }
        }
        #expect(files > 500)
    }

    /// From the lowest upwards. What stands beside another one knows nothing of it.
    @Test("the modules of the front's domain know only those below them, as docs/architecture.md says")
    func arrows() throws {
        let layers: [Set<String>] = [
            ["DTACore"], ["DTALedger"], ["DTAIdentities"], ["DTAEnvelopes"], ["DTAOrders"],
            ["DTAMaintenance", "DTAAgent"],
        ]
        for (place, layer) in layers.enumerated() {
            let notBelow = layers[place...].reduce(into: Set<String>()) { $0.formUnion($1) }.union(["dtad"])
            for module in layer {
                let odd = try #require(targets[module]).intersection(notBelow)
                #expect(odd.isEmpty, "\(module) knows \(odd.sorted().joined(separator: ", "))")
            }
        }
    }
}
