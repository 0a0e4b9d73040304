import DTAFormats

/// Envelopes as the tree of their answers: on a wide terminal one line each, on a narrow one two, in a pipe one line
/// each with nothing cut.
struct EnvelopeTree {
    private let tree: Tree<EnvelopeRow>

    /// From this many columns on, one line each is enough.
    private static let wide = 110

    init(_ rows: [EnvelopeRow]) {
        // Answers to the same envelope, by their senders' clocks.
        let sorted = rows.sorted { one, other in
            let (a, b) = (one.header?.created ?? .max, other.header?.created ?? .max)
            return a == b ? one.finding.cid < other.finding.cid : a < b
        }
        tree = Tree(sorted, id: \.finding.cid, parent: \.header?.previous)
    }

    func show(json: Bool) throws {
        if json { return try JSON.showLines(tree.rows.map { $0.item.json(depth: $0.depth) }) }
        let width = Terminal.output.width
        let lines = width.map { $0 < EnvelopeTree.wide } ?? false ? narrow(width ?? 80) : table(width)
        try StandardOutput.write(Array(lines.map { $0 + "\n" }.joined().utf8))
    }

    private func table(_ width: Int?) -> [String] {
        var table = Table([
            .init(title: "envelope", minimum: 16), TimeColumn.column("sent"),
            .init(title: "content", minimum: 12), .init(title: "sender is", minimum: 9),
            .init(title: "cid", minimum: 14, cut: .middle),
        ])
        for row in tree.rows {
            let item = row.item
            table.add([
                .init("\(row.first)\(item.mark.text) \(item.name)", item.mark.style),
                .init(item.header.map { TimeColumn.text($0.created) } ?? ""),
                .init(item.content), .init(item.reliance.text, item.reliance.style),
                .init(item.finding.cid.description, .dim),
            ])
        }
        // The table's lines, with the notes between them.
        let lines = table.lines(width: width)
        return [lines[0]] + zip(tree.rows, lines.dropFirst()).flatMap { [$1] + notes($0, width) }
    }

    private func narrow(_ width: Int) -> [String] {
        func fitted(_ before: String, _ text: String, _ style: Style, cut: DisplayWidth.Cut = .end) -> String {
            let room = max(8, width - DisplayWidth.of(before))
            return Style.dim.apply(before) + style.apply(DisplayWidth.fit(SafeText.line(text), to: room, cut: cut))
        }
        return tree.rows.flatMap { row in
            let item = row.item
            let (mark, style) = item.mark
            let head = fitted(row.first, "\(mark) \(item.name)  \(item.time)", style)
            let below = row.rest + "  "
            return [
                head, fitted(below, "\(item.reliance.text), \(item.content)", item.reliance.style),
                fitted(below, item.finding.cid.description, .dim, cut: .middle),
            ] + notes(row, width)
        }
    }

    /// Folded, never cut: a reason must be readable.
    private func notes(_ row: Tree<EnvelopeRow>.Row, _ width: Int?) -> [String] {
        let before = row.rest + "  "
        return row.item.notes.flatMap { note in
            DisplayWidth.fold(SafeText.line(note.text), to: width.map { max(20, $0 - DisplayWidth.of(before)) })
                .map { Style.dim.apply(before) + note.style.apply($0) }
        }
    }
}
