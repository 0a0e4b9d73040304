import Foundation
import TestSupport
import Testing

/// What the README shows of the gateway, done.
@Suite("The README's transcript")
struct TranscriptTests {
    private struct Step {
        let command: String
        var answer = ""
    }

    @Test("each command of the README's transcript answers as it is shown there")
    func readme() throws {
        let path = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appending(path: "../../README.md")
        let steps = Self.steps(try String(contentsOf: path, encoding: .utf8))
        #expect(steps.count >= 5)
        let agent = try TestAgent()
        let gateway = try TestGateway(agent: agent.socketPath)
        for step in steps {
            let command = step.command.replacingOccurrences(of: "127.0.0.1:8440", with: gateway.addresses[0])
            let done = try run("sh", ["-c", command])
            // Whatever an ellipsis stands for.
            let pattern = step.answer.components(separatedBy: "…").map(NSRegularExpression.escapedPattern).joined(
                separator: ".*")
            let said = done.text.trimmingCharacters(in: .newlines)
            #expect(
                said.range(of: "^\(pattern)$", options: .regularExpression) != nil,
                "\(command)\n\(said)\ninstead of\n\(step.answer)")
        }
    }

    /// Commands with curl, behind `$`, and the lines that follow each.
    private static func steps(_ text: String) -> [Step] {
        var steps: [Step] = []
        var isInside = false
        for line in text.components(separatedBy: "\n") {
            if line.hasPrefix("    $ curl ") {
                steps.append(Step(command: String(line.dropFirst(6))))
                isInside = true
            } else if isInside, line.hasPrefix("    "), !line.hasPrefix("    $") {
                let last = steps.count - 1
                steps[last].answer += (steps[last].answer.isEmpty ? "" : "\n") + line.dropFirst(4)
            } else {
                isInside = false
            }
        }
        return steps
    }
}
