import Foundation
import TestSupport
import Testing

/// What docs/gateway.md shows of the gateway, done.
@Suite("The gateway's tour with curl", .ownThread)
struct TranscriptTests {
    private struct Step {
        var command: String
        var answer = ""
    }

    /// Steps that stand together, and what the text before them has dtagw.yaml say.
    private struct Block {
        var configuration: String
        var steps: [Step] = []
    }

    @Test("each curl command of docs/gateway.md answers as it is shown there")
    func tour() throws {
        let path = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appending(path: "../../docs/gateway.md")
        let blocks = Self.blocks(try String(contentsOf: path, encoding: .utf8))
        let steps = blocks.flatMap(\.steps)
        // Each path that people and gateways use is there.
        for path in [
            "v1/status", "v1/identity", "v1/identity?", "v1/order", "v1/order?", "v1/order/secret", "v1/fulfill/order",
            "v1/courier/",
        ] { #expect(steps.contains { $0.command.contains(path) }, "\(path)") }
        let agent = try TestAgent(more: "orders: { accept: [{ commit: auto, release: auto }] }")
        let directory = try TemporaryDirectory()
        // What the page calls an order, and what it is called here.
        var names: [String: String] = [:]
        for block in blocks {
            let gateway = try TestGateway(
                agent: agent.socketPath, configuration: "authentication: { none: true }\n\(block.configuration)")
            for step in block.steps {
                var command = step.command.replacingOccurrences(of: "127.0.0.1:8440", with: gateway.addresses[0])
                for (shown, real) in names { command = command.replacingOccurrences(of: shown, with: real) }
                let done = try run("sh", ["-c", "cd \(directory.path) && \(command)"])
                let said = done.text.trimmingCharacters(in: .newlines)
                #expect(
                    try Self.matches(said, step.answer, &names), "\(command)\n\(said)\ninstead of\n\(step.answer)")
            }
        }
        #expect(names.count == 2)
    }

    /// - Parameter names: references and CIDs that are shown in full; what is not known yet is learned from the answer.
    private static func matches(_ said: String, _ shown: String, _ names: inout [String: String]) throws -> Bool {
        // Whatever an ellipsis stands for.
        var pattern = shown.components(separatedBy: "…").map(NSRegularExpression.escapedPattern).joined(separator: ".*")
        let name = try NSRegularExpression(pattern: "\\b(bafyrei[a-z2-7]{52}|[a-z2-7]{26})\\b")
        let found = name.matches(in: shown, range: NSRange(shown.startIndex..., in: shown)).compactMap {
            Range($0.range, in: shown).map { String(shown[$0]) }
        }
        var learned: [String] = []
        for name in found where !learned.contains(name) {
            guard let range = pattern.range(of: name) else { continue }
            if let real = names[name] {
                pattern = pattern.replacingOccurrences(of: name, with: real)
            } else {
                pattern.replaceSubrange(range, with: "([a-z2-7]{\(name.count)})")
                learned.append(name)
            }
        }
        let expression = try NSRegularExpression(pattern: "^\(pattern)$", options: .dotMatchesLineSeparators)
        guard let match = expression.firstMatch(in: said, range: NSRange(said.startIndex..., in: said)) else {
            return false
        }
        for (place, name) in learned.enumerated() {
            names[name] = Range(match.range(at: place + 1), in: said).map { String(said[$0]) }
        }
        return true
    }

    /// Commands with curl, behind `$`, and the lines that follow each. A command goes on behind a `\`, an answer on lines
    /// that are indented further.
    private static func blocks(_ text: String) -> [Block] {
        var blocks: [Block] = []
        var (isInside, isBehindText) = (false, true)
        var configuration = ""
        for line in text.components(separatedBy: "\n") {
            if line.hasPrefix("    $ curl ") {
                if isBehindText { blocks.append(Block(configuration: configuration)) }
                isBehindText = false
                blocks[blocks.count - 1].steps.append(Step(command: String(line.dropFirst(6))))
                isInside = true
            } else if isInside, line.hasPrefix("    "), !line.hasPrefix("    $") {
                let (block, last) = (blocks.count - 1, blocks[blocks.count - 1].steps.count - 1)
                let rest = line.drop { $0 == " " }
                if blocks[block].steps[last].command.hasSuffix("\\") {
                    blocks[block].steps[last].command.removeLast()
                    blocks[block].steps[last].command += rest
                } else {
                    blocks[block].steps[last].answer += rest
                }
            } else {
                isInside = false
                if line.hasPrefix("    orders: {") {
                    configuration = String(line.dropFirst(4))
                } else if line.hasPrefix("#") {
                    configuration = ""
                }
                if !line.isEmpty, !line.hasPrefix("    ") { isBehindText = true }
            }
        }
        return blocks
    }
}
