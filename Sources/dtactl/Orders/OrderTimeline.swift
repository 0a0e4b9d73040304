import AgentProtocol
import DTAFormats

/// What happened to an order as an agent tells it: who, what, when, its CID, and whether its signature fits, which is
/// verified here.
struct OrderTimeline {
    struct Entry {
        let part: AgentOrderPart
        /// What was verified here; nil where that was not possible.
        let finding: EnvelopeFinding?

        /// A part whose signature fits and that the rules accepted.
        var mark: (text: String, style: Style) {
            if finding?.verdict == .bad { return ("✗", .bad) }
            switch part.status {
            case "refused": return ("–", .bad)
            case "evidence": return ("!", .bad)
            default: return finding?.signature == .valid ? ("✓", .good) : ("?", .warning)
            }
        }

        var what: String {
            let decided = part.decision.isEmpty ? part.kind : part.decision == "reject" ? "rejection" : part.kind
            return part.use > 0 && ["redemption", "release", "approval"].contains(part.kind)
                ? "\(decided) \(part.use)" : decided
        }

        var isVerified: JSON {
            switch finding?.signature {
            case .valid?: .bool(finding?.verdict != .bad)
            case .invalid?: .bool(false)
            case .unknown?, nil: .null
            }
        }

        /// What its sender wrote, why it was refused, what does not fit.
        var notes: [(text: String, style: Style)] {
            var notes: [(String, Style)] = []
            if !part.purpose.isEmpty { notes.append(("“\(part.purpose)”", .plain)) }
            if part.kind == "redemption" {
                notes += part.request.map { ("\($0.name): \($0.text)", .plain) }
                if part.open { notes.append(("open", .warning)) }
            } else {
                notes += part.fields.filter { $0.name != "at" }.map { ("\($0.name): \($0.value)", .plain) }
            }
            if part.status == "evidence" { notes.append(("kept as evidence: \(part.reason)", .bad)) }
            if part.status == "refused" { notes.append(("not accepted: \(part.reason)", .bad)) }
            if !["", "current"].contains(part.standing) {
                notes.append(("its sender was \(part.standing) when it came", .warning))
            }
            for problem in finding?.problems ?? [] { notes.append((problem, .bad)) }
            if finding?.signature == .unknown { notes.append(("its sender's document is not here", .warning)) }
            return notes
        }
    }

    let entries: [Entry]
    let parties: Parties

    init(_ parts: [AgentOrderPart], _ parties: Parties, _ blocks: some BlockSource) throws {
        var verifier = EnvelopeVerifier(blocks, scope: .signature)
        entries = try OrderTimeline.arranged(parts).map { part in
            Entry(part: part, finding: try (try? CID(part.cid)).map { try verifier.verify($0) })
        }
        self.parties = parties
    }

    /// Each behind what it answers, those that answer the same by their senders' clocks: what came here when depends on
    /// couriers.
    private static func arranged(_ parts: [AgentOrderPart]) -> [AgentOrderPart] {
        let previous = Dictionary(parts.map { ($0.cid, $0.previous) }, uniquingKeysWith: { first, _ in first })
        var depths: [String: Int] = [:]
        // Parts come in the order in which they were received: mostly what they answer is there already.
        for part in parts {
            var chain: [String] = []
            var next: String? = part.cid
            while let cid = next, depths[cid] == nil, previous[cid] != nil, chain.count <= parts.count {
                chain.append(cid)
                next = previous[cid]
            }
            var depth = next.flatMap { depths[$0] } ?? -1
            for cid in chain.reversed() {
                depth += 1
                depths[cid] = depth
            }
        }
        return parts.enumerated().sorted { one, other in
            let (a, b) = (depths[one.element.cid] ?? 0, depths[other.element.cid] ?? 0)
            if a != b { return a < b }
            let (x, y) = (one.element.created, other.element.created)
            return x == y ? one.offset < other.offset : x < y
        }.map(\.element)
    }

    /// Whether any of them does not fit.
    var isBad: Bool { entries.contains { $0.finding?.verdict == .bad } }

    func show() throws { try Timeline(rows: entries.map(row)).show() }

    private func row(_ entry: Entry) -> Timeline.Row {
        let part = entry.part
        let (mark, style) = entry.mark
        let others = part.to.filter { $0 != part.from }
        return Timeline.Row(
            mark: mark, style: style, what: entry.what, time: part.created,
            who: parties.name(part.from) + (others.isEmpty ? "" : " → " + parties.names(others)), cid: part.cid,
            notes: entry.notes)
    }
}
