import DTACourier
import DTAFormats

/// What was found out about one order.
struct OrderReport {
    let thread: OrderThread
    let documents: CollectedDocuments
    let broken: [CollectedDocuments.Broken]
    var parties: Parties?

    private func name(_ cid: CID) -> String {
        if let parties { return parties.name(cid.description) }
        let document = documents.identities.first { $0.cid == cid }
        return document.map { "\"\($0.identity.name)\"" } ?? DisplayWidth.fit(cid.description, to: 15, cut: .middle)
    }

    func show() throws {
        let style: Style = [.sound: .good, .incomplete: .warning, .bad: .bad][thread.verdict] ?? .plain
        var details = Details()
        details.add("order", thread.reference?.description ?? "–", .bold)
        details.add("cid", thread.order.description, .dim)
        if let principal = thread.principal { details.add("principal", "\(name(principal))  \(principal)") }
        if let fiduciary = thread.fiduciary { details.add("fiduciary", "\(name(fiduciary))  \(fiduciary)") }
        let opened = thread.parts.count { $0.contents != nil }
        details.add(
            "verified",
            opened == 0
                ? "the public skeleton of \(thread.parts.count) messages"
                : "\(thread.parts.count) messages, and the contents of \(opened)")
        details.add("verdict", thread.verdict.rawValue, style)
        try details.show()
        try StandardOutput.line("")
        try Timeline(rows: thread.parts.map(row)).show()
        let unplaced = thread.findings.filter { finding in !thread.parts.contains { $0.cid == finding.part } }
        for finding in unplaced { try StandardOutput.line(style.apply(SafeText.line(finding.sentence))) }
        for entry in broken {
            try StandardOutput.line(
                Style.bad.apply(SafeText.line("\(entry.cid) is no valid \(entry.kind.rawValue): \(entry.reason)")))
        }
    }

    private func row(_ part: OrderThread.Part) -> Timeline.Row {
        let findings = thread.findings.filter { $0.part == part.cid }
        let (mark, style): (String, Style) =
            if findings.contains(where: { $0.verdict == .bad }) {
                ("✗", .bad)
            } else if part.finding.signature == .valid {
                ("✓", findings.isEmpty ? .good : .warning)
            } else {
                ("?", .warning)
            }
        let others = part.recipients.filter { $0 != part.header.from }
        var notes: [(String, Style)] = []
        let answered = part.header.previous.flatMap { thread[$0] }.map {
            (kind: $0.kind.rawValue, name: text($0), cid: "\($0.cid)")
        }
        if let answer = MessageName.answer(kind(part), to: answered) { notes.append((answer, .dim)) }
        if part.contents == nil, let unopened = MessageName.unopened(kind(part)) { notes.append((unopened, .warning)) }
        if let state = state(part) { notes.append(("state: \(state)", .plain)) }
        if let reason = reason(part) { notes.append(("because \(reason)", .bad)) }
        return Timeline.Row(
            mark: mark, style: style, what: text(part), time: part.header.created,
            who: name(part.header.from) + (others.isEmpty ? "" : " → " + others.map(name).joined(separator: ", ")),
            cid: part.cid.description,
            notes: notes + findings.map { ($0.sentence, $0.verdict == .bad ? .bad : .warning) })
    }

    /// The name of a part, as in `order show`.
    private func text(_ part: OrderThread.Part) -> String {
        let number = thread.number(of: part)
        return MessageName.text(kind(part), use: number.use, attempt: number.attempt)
    }

    private func kind(_ part: OrderThread.Part) -> String {
        MessageName.kind(part.kind.rawValue, decision: decision(part) ?? "")
    }

    /// An approver's yes or no; nil if that was not opened.
    private func decision(_ part: OrderThread.Part) -> String? {
        if case .approval(let signed)? = part.contents { signed.approval.decision.rawValue } else { nil }
    }

    /// The state of a destruction; nil if that was not opened.
    private func state(_ part: OrderThread.Part) -> String? {
        if case .destruction(let receipt)? = part.contents { receipt.state.rawValue } else { nil }
    }

    /// The reason of a refusal; nil if that was not opened.
    private func reason(_ part: OrderThread.Part) -> String? {
        if case .refusal(let refusal)? = part.contents { refusal.reason } else { nil }
    }

    var json: JSON {
        .object([
            ("order", .string(thread.order.description)),
            ("reference", thread.reference.map { .string($0.description) } ?? .null),
            ("verdict", .string(thread.verdict.rawValue)),
            ("principal", thread.principal.map { .string($0.description) } ?? .null),
            ("fiduciary", thread.fiduciary.map { .string($0.description) } ?? .null),
            ("parts", .array(thread.parts.map(member))),
            (
                "findings",
                .array(
                    thread.findings.map {
                        .object([
                            ("part", .string($0.part.description)), ("code", .string($0.code.rawValue)),
                            ("verdict", .string($0.verdict.rawValue)), ("message", .string($0.sentence)),
                        ])
                    })
            ),
        ])
    }

    private func member(_ part: OrderThread.Part) -> JSON {
        .object([
            ("cid", .string(part.cid.description)), ("kind", .string(part.kind.rawValue)),
            ("from", .string(part.header.from.description)),
            ("to", .array(part.recipients.map { .string($0.description) })),
            ("previous", part.header.previous.map { .string($0.description) } ?? .null),
            ("created", .number(part.header.created)),
            ("signature_valid", part.finding.signature == .unknown ? .null : .bool(part.finding.signature == .valid)),
            ("opened", .bool(part.contents != nil)), ("name", .string(text(part))),
            ("reason", reason(part).map(JSON.string) ?? .null),
            ("decision", decision(part).map(JSON.string) ?? .null),
        ])
    }
}
