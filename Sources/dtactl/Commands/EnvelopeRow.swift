import DTABytes
import DTAFormats

/// One envelope of a thread as it is shown: what was verified here, and what an agent adds.
struct EnvelopeRow {
    /// What the agent knows about the sender.
    struct Sender {
        /// The alias by which the sender is trusted there.
        var alias = ""
        /// The sender's name there: an alias, or the name of an identity with its keys there.
        var called = ""
        /// trusted, untrusted, distrusted.
        var trust: String
        /// When the envelope came: current, rotated, revoked, conflict, unknown.
        var standing: String
        /// Unix seconds.
        var received: Int64
    }

    let finding: EnvelopeFinding
    let sender: Sender?

    init(_ finding: EnvelopeFinding, sender: Sender? = nil) {
        self.finding = finding
        self.sender = sender
    }

    var header: Envelope.Header? { finding.signed?.envelope.header }

    var mark: (text: String, style: Style) {
        switch finding.verdict {
        case .sound: ("✓", .good)
        case .incomplete: finding.signature == .valid ? ("✓", .warning) : ("?", .warning)
        case .bad: ("✗", .bad)
        }
    }

    /// The sender's name: on this host, or its own in quotes because it can claim any name, or else its CID.
    var name: String {
        if let called = sender?.called, !called.isEmpty { return called }
        return finding.sender.map { "\"\($0.identity.name)\"" } ?? header?.from.description ?? "?"
    }

    var time: String { header.map { HumanUnits.time(unixSeconds: $0.created) } ?? "" }

    /// `text/plain, 12 B, public`
    var content: String {
        guard let envelope = finding.signed?.envelope else { return "not here" }
        let size = HumanUnits.size(UInt64(envelope.contentSize))
        return "\(envelope.header.content), \(size)" + (envelope.isPublic ? ", public" : "")
    }

    /// `trusted`, `untrusted, was revoked`
    var reliance: (text: String, style: Style) {
        if let sender {
            let isCurrent = Standing.Kind(rawValue: sender.standing) == .current
            let text = isCurrent ? sender.trust : "\(sender.trust), \(sender.standing) when it came"
            return (text, Trust(rawValue: sender.trust) == .trusted && isCurrent ? .good : .warning)
        }
        switch finding.standing {
        case .current?: return ("current", .plain)
        case .rotated?: return ("rotated since", .plain)
        case .revoked?: return ("revoked", .warning)
        case .conflict?: return ("in conflict", .warning)
        case nil: return ("unknown", .warning)
        }
    }

    /// What is wrong, and what is missing, one line each.
    var notes: [(text: String, style: Style)] {
        var notes = finding.problems.map { ("✗ " + $0, Style.bad) }
        let shown = finding.missing.prefix(5)
        notes += shown.map { ("– \(Self.words($0.part)) is not here: \($0.cid)", Style.warning) }
        if finding.missingCount > shown.count {
            notes.append(("– and \(finding.missingCount - shown.count) blocks more are not here", .warning))
        }
        return notes
    }

    private static func words(_ part: EnvelopeFinding.Missing.Part) -> String {
        switch part {
        case .envelope: "the envelope"
        case .sender: "the sender's document"
        case .previous: "what it answers"
        case .recipient: "a recipient's document"
        case .list: "a list"
        case .chunk: "a block of the body"
        }
    }

    func json(depth: Int) -> JSON {
        func text(_ value: String?) -> JSON { value.map { .string($0) } ?? .null }
        var members: [(String, JSON)] = [
            ("cid", .string(finding.cid.description)), ("depth", .number(Int64(depth))),
            ("verdict", .string(finding.verdict.rawValue)),
            ("signature_valid", finding.signature == .unknown ? .null : .bool(finding.signature == .valid)),
            ("from", text(header?.from.description)), ("name", text(finding.sender?.identity.name)),
            ("created", header.map { .number($0.created) } ?? .null), ("content_type", text(header?.content)),
            ("thread", text(header.map { Hexadecimal.encode($0.thread) })),
            ("previous", text(header?.previous?.description)),
            ("public", finding.signed.map { .bool($0.envelope.isPublic) } ?? .null),
            ("size", finding.signed.map { .number(Int64($0.envelope.contentSize)) } ?? .null),
            ("problems", .array(finding.problems.map { .string($0) })),
            (
                "missing",
                .array(
                    finding.missing.map {
                        .object([("part", .string($0.part.rawValue)), ("cid", .string($0.cid.description))])
                    })
            ),
            ("missing_count", .number(Int64(finding.missingCount))),
        ]
        if let sender {
            members += [
                ("alias", .string(sender.alias)), ("trust", .string(sender.trust)),
                ("standing", .string(sender.standing)), ("received", .number(sender.received)),
            ]
        } else {
            members.append(("standing", text(finding.standing?.name)))
        }
        return .object(members)
    }
}
