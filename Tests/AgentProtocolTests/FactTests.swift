import AgentProtocol
import DTASystem
import Foundation
import Testing

/// What is told as facts, and that only programs that people or clients call say it in their own words.
@Suite("Facts on the wire")
struct FactTests {
    @Test("each hint that an answer can have has one number, on the wire and in errors")
    func numbers() {
        let wire = AgentHintCode.allCases.filter { $0 != .unspecified }.map(\.rawValue)
        #expect(wire == HintCode.allCases.filter { $0.rawValue < 200 }.map { Int($0.rawValue) })
    }

    @Test("each hint says something to a client of which nothing is known, and names no command and no option")
    func neutral() {
        for code in HintCode.allCases {
            let sentence = code.sentence("x")
            #expect(
                !sentence.isEmpty && !sentence.contains("--") && !sentence.contains("dtactl"), "\(code): \(sentence)")
        }
    }

    @Test("an error that a newer agent explains by an unknown hint keeps the agent's own words")
    func newer() throws {
        var answer = AgentResponse(id: 1, error: DTAError(.notFound, "no key", helps: .listKeys))
        #expect(answer.error?.hints == [Hint(.listKeys)])
        var unknown = AgentHint()
        unknown.code = .UNRECOGNIZED(199)
        answer.hints.append(unknown)
        let error = try #require(answer.error)
        #expect(error.hints.isEmpty && error.hint == HintCode.listKeys.sentence(""))
        #expect(error.hint { _ in "dtactl key list" } == error.hint)
    }

    /// The programs, and what belongs to one of them alone.
    private static let programs = ["dtactl", "dtad", "dtad-hsm", "dtagw", "dta-p11", "DTAService"]

    @Test("no sentence of the domain, of the agent's answers or of the gateway names a command of dtactl or an option")
    func domain() throws {
        let sources = Documents.root.appending(path: "Sources")
        let modules = try FileManager.default.contentsOfDirectory(atPath: sources.path)
            .filter { !Self.programs.contains($0) }
        var looked = 0
        for folder in modules + ["dtad/Operations", "dtad/Routing"] {
            for (file, number, line) in try Sources.lines(below: sources.appending(path: folder)) {
                looked += 1
                #expect(line.firstMatch(of: #/--[a-z]|\bdtactl\ /#) == nil, "\(folder)/\(file):\(number): \(line)")
            }
        }
        #expect(looked > 10_000)
    }
}

/// Lines of Swift.
enum Sources {
    /// All lines that are no comments.
    static func lines(below folder: URL) throws -> [(file: String, number: Int, line: String)] {
        let files = FileManager.default.enumerator(atPath: folder.path)?.compactMap { $0 as? String } ?? []
        return try files.filter { $0.hasSuffix(".swift") }.flatMap { file in
            try String(contentsOf: folder.appending(path: file), encoding: .utf8).split(
                separator: "\n", omittingEmptySubsequences: false
            ).enumerated().compactMap { index, line in
                let text = line.trimmingCharacters(in: .whitespaces)
                return text.hasPrefix("//") ? nil : (file, index + 1, text)
            }
        }
    }
}
