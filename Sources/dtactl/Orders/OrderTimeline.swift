import AgentProtocol
import DTACourier
import DTAFormats

/// The history of an order as an agent tells it: who, what, when, its CID, and whether its signature is valid, which is
/// verified here.
struct OrderTimeline {
    struct Entry {
        let part: AgentOrderPart
        /// What was verified here; nil if that was not possible.
        let finding: EnvelopeFinding?
        /// Which use it is about, and which of the requests for it.
        let number: OrderChronology<String>.Number
        /// What it answers, in words; nil if that is obvious.
        var answer: String?

        /// The mark of a part, good if its signature is valid and the rules accepted it.
        var mark: (text: String, style: Style) {
            if finding?.verdict == .bad { return ("✗", .bad) }
            switch part.knownStatus {
            case .refused: return ("–", .bad)
            case .evidence: return ("!", .bad)
            case .accepted, nil: return finding?.signature == .valid ? ("✓", .good) : ("?", .warning)
            }
        }

        var what: String { MessageName.text(kind, use: number.use, attempt: number.attempt) }

        fileprivate var kind: String { part.kindText }

        /// Whether the agent opened the message: then it tells one of these.
        private var isOpened: Bool { !part.decision.isEmpty || !part.fields.isEmpty || !part.reason.isEmpty }

        var isVerified: JSON {
            switch finding?.signature {
            case .valid?: .bool(finding?.verdict != .bad)
            case .invalid?: .bool(false)
            case .unknown?, nil: .null
            }
        }

        /// What its sender wrote, why it was refused, and what is invalid.
        var notes: [(text: String, style: Style)] {
            var notes: [(String, Style)] = []
            if let answer { notes.append((answer, .dim)) }
            if part.isAccepted, !isOpened, let unopened = MessageName.unopened(kind) {
                notes.append((unopened, .warning))
            }
            if part.knownKind == .refusal, part.isAccepted, !part.reason.isEmpty {
                notes.append(("because \(part.reason)", .bad))
            }
            if !part.purpose.isEmpty { notes.append(("“\(part.purpose)”", .plain)) }
            if part.knownKind == .redemption {
                notes += part.request.map { ("\($0.name): \($0.text)", .plain) }
                if part.open { notes.append(("open", .warning)) }
            } else {
                notes += part.fields.filter { !["at", "code"].contains($0.name) }.map {
                    ("\($0.name): \($0.value)", .plain)
                }
            }
            if part.knownStatus == .evidence { notes.append(("kept as evidence: \(part.reason)", .bad)) }
            if part.knownStatus == .refused { notes.append(("not accepted: \(part.reason)", .bad)) }
            if !part.standing.isEmpty, Standing.Kind(rawValue: part.standing) != .current {
                notes.append(("its sender was \(part.standing) when it came", .warning))
            }
            for problem in finding?.problems ?? [] { notes.append((problem, .bad)) }
            if finding?.signature == .unknown { notes.append(("its sender's document is not here", .warning)) }
            return notes
        }
    }

    let entries: [Entry]
    let parties: Parties

    init(
        _ parts: [AgentOrderPart], of order: AgentOrder, _ parties: Parties, _ blocks: some BlockSource
    ) throws {
        var verifier = EnvelopeVerifier(blocks, scope: .signature)
        let seen = order.seen(parts, parties)
        let chronology = OrderChronology<String>(
            parts.map { part in
                .init(
                    id: part.cid, kind: OrderPartKind(rawValue: part.kind),
                    previous: part.previous.isEmpty ? nil : part.previous, time: seen[part.cid]?.time ?? part.created,
                    arrival: seen[part.cid]?.arrival ?? 0)
            })
        let all = Dictionary(parts.map { ($0.cid, $0) }, uniquingKeysWith: { first, _ in first })
        var entries: [String: Entry] = [:]
        for part in all.values {
            entries[part.cid] = Entry(
                part: part, finding: try (try? CID(part.cid)).map { try verifier.verify($0) },
                number: chronology.number(of: part.cid))
        }
        self.entries = chronology.order.compactMap { cid in
            guard var entry = entries[cid] else { return nil }
            let answered = entries[entry.part.previous].map {
                (kind: $0.part.kind, name: $0.what, cid: $0.part.cid)
            }
            entry.answer = MessageName.answer(entry.kind, to: answered)
            return entry
        }
        self.parties = parties
    }

    /// Whether any signature is invalid.
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

extension AgentOrderPart {
    /// The name for people.
    var kindText: String { MessageName.kind(kind, decision: decision) }

    var kindWithArticle: String { (kindText.first.map("aeiou".contains) ?? false ? "an " : "a ") + kindText }
}

extension AgentOrder {
    /// When and in which order this host saw messages. At the fiduciary that is the true order, even if the others'
    /// clocks differ; on other hosts it depends on couriers, so the senders' clocks are used.
    func seen(_ parts: [AgentOrderPart], _ parties: Parties) -> [String: (time: Int64, arrival: Int)] {
        let isHere = parties.isOwn(fiduciary)
        return Dictionary(
            parts.enumerated().map { ($1.cid, (time: isHere ? $1.received : $1.created, arrival: $0)) },
            uniquingKeysWith: { first, _ in first })
    }
}
