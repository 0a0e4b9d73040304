import DTACourier
import DTAFormats
import DTASystem
import Foundation
import Testing

/// Clients know the agent's words as enums, and read none of its sentences.
@Suite("The agent's words at its clients")
struct WordTests {
    private static let words: Set<String> = [
        OrderState.allCases.map(\.rawValue), NextOrderStep.allCases.map(\.rawValue), OrderRole.allCases.map(\.rawValue),
        OrderPartKind.allCases.map(\.rawValue), OrderPartStatus.allCases.map(\.rawValue),
        OrderRefusal.Code.allCases.map(\.rawValue), OrderApproval.Decision.allCases.map(\.rawValue),
        FiduciaryDecision.allCases.map(\.rawValue), Standing.Kind.allCases.map(\.rawValue),
        Trust.allCases.map(\.rawValue), PublicationState.allCases.map(\.rawValue), EpochState.allCases.map(\.rawValue),
        DocumentKind.allCases.map(\.rawValue), [AgentState.ready, .unavailable].map(\.rawValue),
        [NodeState.up, .away].map(\.rawValue), ErrorCode.allCases.map(\.name),
    ].reduce(into: []) { $0.formUnion($1) }

    /// Words that a line compares something with, or looks for something in.
    private static func compared(_ line: String) -> [String] {
        let pairs = line.matches(of: /(?:[=!]=|case) *"([a-zA-Z_-]+)"|"([a-zA-Z_-]+)" *[=!]=/)
            .compactMap { $0.output.1 ?? $0.output.2 }
        let cases = line.firstMatch(of: /^case (.*):/)?.output.1.matches(of: /"([a-zA-Z_-]+)"/).map(\.output.1) ?? []
        let lists = line.matches(of: /\[([^\[\]]*)\]\.contains/)
            .flatMap { $0.output.1.matches(of: /"([a-zA-Z_-]+)"/).map(\.output.1) }
        return (pairs + cases + lists).map(String.init)
    }

    /// A line that looks for something in a sentence of the agent's.
    private static func readsSentence(_ line: String) -> Bool {
        line.firstMatch(
            of:
                /\.(next|nextText|reason|message|hint|state)\.(contains|hasPrefix|hasSuffix|replacing|matches|firstMatch|wholeMatch|split|ranges?)\b/
        ) != nil
    }

    @Test("these looks find what they are to find")
    func finds() {
        #expect(Self.compared(#"if part.status == "accepted", x {"#) == ["accepted"])
        #expect(Self.compared(#"case "released", "exhausted": .good"#).contains("exhausted"))
        #expect(Self.compared(#"guard ["refused", "frozen"].contains(order.state) else {"#) == ["refused", "frozen"])
        #expect(Self.compared(#"("state", .string(state)), "refused here""#).isEmpty)
        #expect(Self.readsSentence(#"next.contains("x") || order.next.hasSuffix("the fiduciary refuses it")"#))
        #expect(!Self.readsSentence(#"order.next.isEmpty"#))
    }

    @Test(
        "no client compares a word of the agent's as text, or looks into its sentences",
        arguments: [
            "dtactl", "DTAGateway", "DTACourier", "dtagw",
        ])
    func clients(_ module: String) throws {
        let sources = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appending(path: "Sources/\(module)")
        let files = FileManager.default.enumerator(atPath: sources.path)?.compactMap { $0 as? String } ?? []
        let swift = files.filter { $0.hasSuffix(".swift") }
        #expect(!swift.isEmpty)
        for file in swift {
            let text = try String(contentsOf: sources.appending(path: file), encoding: .utf8)
            for line in text.split(separator: "\n").map({ $0.trimmingCharacters(in: .whitespaces) })
            where !line.hasPrefix("//") {
                let found = Self.compared(line).filter(Self.words.contains)
                #expect(found.isEmpty && !Self.readsSentence(line), "\(module)/\(file): \(line)")
            }
        }
    }
}
