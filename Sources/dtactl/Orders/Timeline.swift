/// A history, oldest first: on a wide terminal one line each, on a narrow one three, in a pipe one line each with
/// nothing cut.
struct Timeline {
    struct Row {
        var mark: String
        var style: Style
        var what: String
        /// Unix seconds.
        var time: Int64?
        var who: String
        var cid: String
        /// Further notes, one line each.
        var notes: [(text: String, style: Style)]
    }

    let rows: [Row]
    /// From this many columns on, one line each is enough.
    private static let wide = 100

    func show() throws {
        let width = Terminal.output.width
        let lines = width.map { $0 < Timeline.wide } ?? false ? narrow(width ?? 80) : table(width)
        try StandardOutput.write(Array(lines.map { $0 + "\n" }.joined().utf8))
    }

    private func table(_ width: Int?) -> [String] {
        var table = Table([
            .init(title: "  what", minimum: 12), TimeColumn.column("when"), .init(title: "who", minimum: 14),
            .init(title: "cid", minimum: 14, cut: .middle),
        ])
        for row in rows {
            table.add([
                .init("\(row.mark) \(row.what)", row.style),
                .init(row.time.map { TimeColumn.text($0, seconds: true) } ?? ""), .init(row.who), .init(row.cid, .dim),
            ])
        }
        let lines = table.lines(width: width)
        return [lines[0]] + zip(rows, lines.dropFirst()).flatMap { [$1] + notes($0, width) }
    }

    private func narrow(_ width: Int) -> [String] {
        func fitted(_ text: String, _ style: Style, cut: DisplayWidth.Cut = .end) -> String {
            style.apply(DisplayWidth.fit(SafeText.line(text), to: width, cut: cut))
        }
        return rows.flatMap { row in
            [
                fitted("\(row.mark) \(row.what)  \(time(row))", row.style), fitted("  \(row.who)", .plain),
                fitted("  \(row.cid)", .dim, cut: .middle),
            ] + notes(row, width)
        }
    }

    private func time(_ row: Row) -> String { row.time.map { HumanUnits.time(unixSeconds: $0) } ?? "" }

    /// Folded, never cut: a reason must be readable.
    private func notes(_ row: Row, _ width: Int?) -> [String] {
        row.notes.flatMap { note in
            DisplayWidth.fold(SafeText.line(note.text), to: width.map { max(16, $0 - 4) })
                .map { "    " + note.style.apply($0) }
        }
    }
}
