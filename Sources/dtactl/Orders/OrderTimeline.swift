import AgentProtocol
import DTAFormats

/// What happened to an order, oldest first: who, what, when, its CID, and whether its signature fits, which is verified
/// here. On a wide terminal a line each, on a narrow one two, in a pipe a line each that nothing is cut from.
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
    private static let wide = 100

    init(_ parts: [AgentOrderPart], _ parties: Parties, _ blocks: some BlockSource) throws {
        var verifier = EnvelopeVerifier(blocks, scope: .signature)
        entries = try parts.map { part in
            Entry(part: part, finding: try (try? CID(part.cid)).map { try verifier.verify($0) })
        }
        self.parties = parties
    }

    /// Whether any of them does not fit.
    var isBad: Bool { entries.contains { $0.finding?.verdict == .bad } }

    func show() throws {
        let width = Terminal.output.width
        let lines = width.map { $0 < OrderTimeline.wide } ?? false ? narrow(width ?? 80) : table(width)
        try StandardOutput.write(Array(lines.map { $0 + "\n" }.joined().utf8))
    }

    private func way(_ part: AgentOrderPart) -> String {
        parties.name(part.from) + (part.to.isEmpty ? "" : " → " + parties.names(part.to.filter { $0 != part.from }))
    }

    private func table(_ width: Int?) -> [String] {
        var table = Table([
            .init(title: "  what", minimum: 12), .init(title: "when", minimum: 10), .init(title: "who", minimum: 14),
            .init(title: "cid", minimum: 14, cut: .middle),
        ])
        for entry in entries {
            let (mark, style) = entry.mark
            table.add([
                .init("\(mark) \(entry.what)", style), .init(HumanUnits.time(unixSeconds: entry.part.created)),
                .init(way(entry.part)), .init(entry.part.cid, .dim),
            ])
        }
        let lines = table.lines(width: width)
        return [lines[0]] + zip(entries, lines.dropFirst()).flatMap { [$1] + notes($0, width) }
    }

    private func narrow(_ width: Int) -> [String] {
        func fitted(_ text: String, _ style: Style, cut: DisplayWidth.Cut = .end) -> String {
            style.apply(DisplayWidth.fit(SafeText.line(text), to: width, cut: cut))
        }
        return entries.flatMap { entry in
            let (mark, style) = entry.mark
            let time = HumanUnits.time(unixSeconds: entry.part.created)
            return [
                fitted("\(mark) \(entry.what)  \(time)", style), fitted("  \(way(entry.part))", .plain),
                fitted("  \(entry.part.cid)", .dim, cut: .middle),
            ] + notes(entry, width)
        }
    }

    /// Folded, never cut: a reason must be readable.
    private func notes(_ entry: Entry, _ width: Int?) -> [String] {
        entry.notes.flatMap { note in
            DisplayWidth.fold(SafeText.line(note.text), to: width.map { max(16, $0 - 4) })
                .map { "    " + note.style.apply($0) }
        }
    }
}
