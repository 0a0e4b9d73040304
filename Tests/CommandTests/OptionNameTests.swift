import Foundation
import TestSupport
import Testing

/// The options that texts name. Hints, errors, help and pages send people to them.
@Suite("Options that texts name", .ownThread)
struct OptionNameTests {
    /// A command, as its program describes it.
    private struct Command {
        var options: Set<String>
        var subcommands: [String: Command] = [:]

        /// Its own, and those of all commands below it.
        var all: Set<String> { subcommands.values.reduce(options) { $0.union($1.all) } }

        init(options: Set<String>) { self.options = options }

        /// Reads what `--experimental-dump-help` says.
        init(_ description: [String: Any]) {
            let arguments = description["arguments"] as? [[String: Any]] ?? []
            let names = arguments.flatMap { $0["names"] as? [[String: String]] ?? [] }
            options = Set(names.filter { $0["kind"] == "long" }.compactMap { $0["name"].map { "--" + $0 } })
            for below in description["subcommands"] as? [[String: Any]] ?? [] {
                guard let name = below["commandName"] as? String else { continue }
                subcommands[name] = Command(below)
            }
        }
    }

    private let programs: [String: Command]

    /// Options of other programs, by the files that call these or tell people to.
    private static let others = [
        "Sources/dtad/Commands/InitPlan.swift": "--now", "Sources/dtad/Commands/MadeFiles.swift": "--create",
        "Sources/dtad/PIN/StoredPIN.swift": "--name",
    ]
    private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    init() throws {
        var programs: [String: Command] = [:]
        for name in ["dtad", "dtactl", "dtagw"] {
            let said = try run(try Binary.path(name), ["--experimental-dump-help"])
            let all = try JSONSerialization.jsonObject(with: Data(said.output)) as? [String: Any]
            programs[name] = Command(try #require(all?["command"] as? [String: Any]))
            programs[name]?.options.formUnion(["--help", "--version", "--generate-completion-script"])
        }
        // These may stand before the command.
        programs["dtactl"]?.options.formUnion(["--json", "--socket", "--timeout"])
        let usage = try run(try Binary.path("dtad-hsm"), []).errors
        programs["dtad-hsm"] = Command(options: Set(usage.matches(of: /--[a-z][a-z-]+/).map { String($0.output) }))
        let help = try run(try Binary.path("dta-p11"), ["--help"]).text
        programs["dta-p11"] = Command(options: Set(help.matches(of: /--[a-z][a-z0-9-]+/).map { String($0.output) }))
        programs["dta-p11"]?.options.formUnion(["--help", "--version"])
        self.programs = programs
    }

    /// What is wrong in a line: an option that the command before it does not have; or, if no command is before it and `free`
    /// is given, one that is not among those.
    private func faults(_ line: String, free: Set<String>? = nil) -> [String] {
        var faults: [String] = []
        var command: Command?
        // Whether names of subcommands may follow.
        var descends = false
        var before = ""
        for word in line.replacing("`", with: " ` ").split(separator: " ").map(String.init) {
            defer { before = word }
            let bare = String(word.drop { "\"'([\\".contains($0) })
            let name = bare.hasSuffix("/libexec/dtad/dtad-hsm") ? "dtad-hsm" : bare
            if let program = programs[name], !before.hasPrefix("-") {
                (command, descends) = (program, true)
                continue
            }
            if let found = bare.prefixMatch(of: /--[a-z][a-z0-9-]*/) {
                descends = false
                let option = String(found.output)
                if let known = command?.options.union(["--help"]) ?? free, !known.contains(option) {
                    faults.append(option)
                }
            } else if descends, let below = command?.subcommands[bare] {
                command = below
            } else if !bare.hasPrefix("-") {
                descends = false
            }
            // The end of a sentence, of a text, or of the command.
            if word.contains(/^[`|]$|^&&$|[;:.,)?!]["']?$|["'].*$/) { command = nil }
        }
        return faults
    }

    @Test("every option that a source names is one that the command named with it has, or some command of its program")
    func sources() throws {
        let all = programs.values.reduce(into: Set<String>()) { $0.formUnion($1.all) }
        var count = 0
        let files = FileManager.default.enumerator(atPath: Self.root.appending(path: "Sources").path)
        for case let file as String in try #require(files) where file.hasSuffix(".swift") {
            let path = "Sources/" + file
            let program = String(file.prefix { $0 != "/" })
            var free = programs[program]?.all ?? all
            // It starts that one, and sends people to it.
            if program == "dtad" { free.formUnion(programs["dtad-hsm"]?.all ?? []) }
            if let other = Self.others[path] { free.insert(other) }
            let text = try String(contentsOf: Self.root.appending(path: path), encoding: .utf8)
            for (number, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated()
            where line.contains("--") && !line.drop(while: { $0 == " " }).hasPrefix("//") {
                count += 1
                #expect(faults(String(line), free: free).isEmpty, "\(path):\(number + 1): \(line)")
            }
        }
        #expect(count > 200)
    }

    @Test("every option that a page names with a command of the project is one that this command has")
    func pages() throws {
        let docs = try FileManager.default.contentsOfDirectory(atPath: Self.root.appending(path: "docs").path)
        for page in ["README.md", "SECURITY.md"] + docs.filter({ $0.hasSuffix(".md") }).map({ "docs/" + $0 }) {
            let text = try String(contentsOf: Self.root.appending(path: page), encoding: .utf8)
            for (number, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
                #expect(faults(String(line)).isEmpty, "\(page):\(number + 1): \(line)")
            }
        }
    }

    @Test(
        "an option that no command has, or another one than the one that is named, is found",
        arguments: [
            ("hint: \"say --froce\"", ["--froce"]), ("hint: \"dtad check --pin-file FILE\"", ["--pin-file"]),
            ("run `dtad bindings export FILE --force`, or --force", ["--force"]), ("dtad backup FILE --force", []),
            ("`dtad-hsm --init --keys-only` and dtactl order create --fiduciary x --no", ["--no"]),
            ("journalctl -u dtad --output-fields", ["--output-fields"]), ("dtad is there; --force", []),
        ])
    func finds(line: String, faults expected: [String]) {
        let free = programs["dtad"]?.all ?? []
        #expect(faults(line, free: free) == expected)
    }
}
