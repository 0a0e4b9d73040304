import Foundation
import TestSupport

/// Carries out one script in a directory of its own.
struct ScriptRun {
    private let script: Script
    private let directory: TemporaryDirectory
    private var variables: [String: String]
    private var last: Finished?
    private var input: String?
    private var transcript: [String] = []

    /// - Parameter variables: what `$NAME` means at the start, also in the environment of the commands.
    init(_ script: Script, in directory: TemporaryDirectory, variables: [String: String]) throws {
        self.script = script
        self.directory = directory
        self.variables = variables
        for file in script.files { try directory.write(file.name, file.text) }
    }

    /// - Throws: `TestFailure` with the line that failed and all that happened before it.
    mutating func run() throws {
        for line in script.lines {
            transcript.append("\(line.number): \(line.text)")
            do {
                try step(line.words.map(expand))
            } catch {
                throw TestFailure(
                    "\(script.name):\(line.number): \(error)\n\n" + transcript.suffix(40).joined(separator: "\n"))
            }
        }
    }

    private mutating func step(_ words: [String]) throws {
        if words[0] == "!" { return try check(Array(words.dropFirst()), negated: true) }
        let rest = Array(words.dropFirst())
        switch words[0] {
        case "exec": try execute(rest, expecting: 0)
        case "exit":
            guard let code = rest.first.flatMap(Int32.init) else { throw TestFailure("exit CODE COMMAND…") }
            try execute(Array(rest.dropFirst()), expecting: code)
        case "sh": try execute(["sh", "-c", rest.joined(separator: " ")], expecting: 0)
        case "stdin": input = directory.file(try argument(rest, 0))
        case "stdout-to": try directory.write(try argument(rest, 0), finished().output)
        case "capture": variables[try argument(rest, 0)] = try finished().text.trimmingCharacters(in: .newlines)
        case "env":
            let parts = try argument(rest, 0).split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2 else { throw TestFailure("env NAME=value") }
            variables[String(parts[0])] = String(parts[1])
        default: try check(words, negated: false)
        }
    }

    private mutating func execute(_ words: [String], expecting code: Int32) throws {
        let standardInput = try input.map { try Data(contentsOf: URL(fileURLWithPath: $0)) } ?? Data()
        input = nil
        // The project's programs are those of this build; others are found in PATH.
        let program = try argument(words, 0)
        let path = ["dtactl", "dtad"].contains(program) ? try Binary.path(program) : program
        let done = try TestSupport.run(
            "/usr/bin/env", ["-C", directory.path, path] + words.dropFirst(), input: [UInt8](standardInput),
            environment: variables)
        last = done
        transcript.append(contentsOf: quoted(done.text, "  > ") + quoted(done.errors, " 2> "))
        guard done.status == code else { throw TestFailure("exit status \(done.status) instead of \(code)") }
    }

    private func check(_ words: [String], negated: Bool) throws {
        let rest = Array(words.dropFirst())
        let (holds, claim) = try claim(words[0], rest)
        if holds == negated { throw TestFailure(negated ? "not expected: \(claim)" : "expected: \(claim)") }
    }

    private func claim(_ verb: String, _ rest: [String]) throws -> (Bool, String) {
        switch verb {
        case "stdout", "stderr":
            let text = try verb == "stdout" ? finished().text : finished().errors
            let pattern = try argument(rest, 0)
            let expression = try NSRegularExpression(pattern: pattern, options: [.anchorsMatchLines])
            let range = NSRange(text.startIndex..., in: text)
            return (expression.firstMatch(in: text, range: range) != nil, "\(verb) has \(pattern)")
        case "cmp":
            return (try bytes(argument(rest, 0)) == bytes(argument(rest, 1)), "\(rest[0]) and \(rest[1]) are the same")
        case "exists":
            return (FileManager.default.fileExists(atPath: directory.file(try argument(rest, 0))), "\(rest[0]) exists")
        case "mode":
            let attributes = try FileManager.default.attributesOfItem(atPath: directory.file(try argument(rest, 1)))
            let mode = (attributes[.posixPermissions] as? Int).map { String($0, radix: 8) } ?? "?"
            return (mode == rest[0], "\(rest[1]) has mode \(rest[0]); it has \(mode)")
        case "empty": return (try bytes(argument(rest, 0)).isEmpty, "\(rest[0]) is empty")
        default: throw TestFailure("\(verb) is no verb of scripts")
        }
    }

    private func bytes(_ name: String) throws -> Data {
        if name == "stdout" { return Data(try finished().output) }
        return try Data(contentsOf: URL(fileURLWithPath: directory.file(name)))
    }

    private func finished() throws -> Finished {
        guard let last else { throw TestFailure("no command was executed yet") }
        return last
    }

    private func argument(_ words: [String], _ index: Int) throws -> String {
        guard words.indices.contains(index) else { throw TestFailure("a word is missing") }
        return words[index]
    }

    private func expand(_ word: String) -> String {
        var result = word
        // Longer names first, so that $A does not eat the beginning of $AB.
        for (name, value) in variables.sorted(by: { $0.key.count > $1.key.count }) {
            result = result.replacingOccurrences(of: "${\(name)}", with: value)
            result = result.replacingOccurrences(of: "$\(name)", with: value)
        }
        return result
    }

    private func quoted(_ text: String, _ mark: String) -> [String] {
        text.split(separator: "\n").prefix(30).map { mark + $0.prefix(300) }
    }
}
