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

    /// As it happened, by the senders' clocks; but each behind what it answers, whatever its sender's clock says, and what
    /// ends the order behind all of the same second. What came here when depends on couriers.
    private static func arranged(_ parts: [AgentOrderPart]) -> [AgentOrderPart] {
        let all = Dictionary(parts.map { ($0.cid, $0) }, uniquingKeysWith: { first, _ in first })
        var places: [String: (time: Int64, depth: Int)] = [:]
        for part in parts {
            var path: [AgentOrderPart] = []
            var at: AgentOrderPart? = part
            while let next = at, places[next.cid] == nil, path.count <= parts.count {
                path.append(next)
                at = all[next.previous]
            }
            var before = at.flatMap { places[$0.cid] } ?? (time: .min, depth: -1)
            for next in path.reversed() {
                before = (max(before.time, next.created), before.depth + 1)
                places[next.cid] = before
            }
        }
        func key(_ part: AgentOrderPart, _ offset: Int) -> (Int64, Int, Int, Int) {
            let place = places[part.cid] ?? (time: part.created, depth: 0)
            return (place.time, part.kind == "destruction" ? 1 : 0, place.depth, offset)
        }
        return parts.enumerated().sorted { key($0.element, $0.offset) < key($1.element, $1.offset) }.map(\.element)
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
