/// An item with its properties, for people: names to the left, values to the right.
struct Details {
    private var rows: [(name: String, value: String, style: Style)] = []

    /// - Parameters: name, value: any text; they are made safe here. A value of several lines is indented.
    mutating func add(_ name: String, _ value: String, _ style: Style = .plain) {
        rows.append((SafeText.line(name), SafeText.lines(value), style))
    }

    /// At most as wide as the terminal: longer values are folded, never cut.
    var lines: [String] {
        let limit = Terminal.output.width
        let width = rows.map { DisplayWidth.of($0.name) }.max() ?? 0
        return rows.flatMap { row in
            let padding = String(repeating: " ", count: width - DisplayWidth.of(row.name))
            let indent = String(repeating: " ", count: width + 4)
            let values = row.value.split(separator: "\n", omittingEmptySubsequences: false).flatMap {
                DisplayWidth.fold(String($0), to: limit.map { max(16, $0 - width - 4) })
            }
            return values.enumerated().map { index, value in
                let before = index == 0 ? "  " + Style.dim.apply(row.name) + padding + "  " : indent
                return before + row.style.apply(value)
            }
        }
    }

    func show() throws {
        try StandardOutput.write(Array(lines.map { $0 + "\n" }.joined().utf8))
    }
}
