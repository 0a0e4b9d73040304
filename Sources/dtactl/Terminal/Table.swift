/// Rows under headings, at most as wide as the terminal. In a pipe nothing is cut or coloured.
struct Table {
    struct Column {
        var title: String
        var isNumber = false
        /// The fewest columns to which it may be cut; nil: never cut.
        var minimum: Int?
        var cut = DisplayWidth.Cut.end
        /// Columns that it takes even if its cells are shorter, so that consecutive tables line up.
        var preferred = 0
    }

    struct Cell {
        var text: String
        var style: Style

        /// - Parameter text: any text; it is made safe here.
        init(_ text: String, _ style: Style = .plain) {
            self.text = SafeText.line(text)
            self.style = style
        }
    }

    private let columns: [Column]
    private var rows: [[Cell]] = []

    init(_ columns: [Column]) { self.columns = columns }

    /// - Parameter cells: one for each column; if there are fewer, the last one spans the missing columns, and does not
    ///   affect their widths.
    mutating func add(_ cells: [Cell]) { rows.append(cells) }

    /// The lines, headings first.
    func lines(width: Int? = Terminal.output.width, headings: Bool = true) -> [String] {
        let widths = widths(for: width)
        let first = headings ? [columns.map { Cell($0.title.uppercased(), .dim) }] : []
        return (first + rows).map { line($0, widths, width) }
    }

    func show(headings: Bool = true) throws {
        try StandardOutput.write(Array(lines(headings: headings).map { $0 + "\n" }.joined().utf8))
    }

    private static let gap = 2
    /// The columns that remain of any cell.
    private static let least = 4

    /// First removes unneeded width, then narrows the widest of the columns that may be cut, then all but numbers,
    /// until the line fits or no column may shrink.
    private func widths(for limit: Int?) -> [Int] {
        let needed = columns.indices.map { index in
            rows.map { isOwn($0, index) ? DisplayWidth.of($0[index].text) : 0 }
                .reduce(DisplayWidth.of(columns[index].title), max)
        }
        var widths = columns.indices.map { max(needed[$0], columns[$0].preferred) }
        guard let limit else { return widths }
        var excess = widths.reduce(0, +) + Table.gap * (columns.count - 1) - limit
        for index in columns.indices where excess > 0 {
            let spare = min(excess, widths[index] - needed[index])
            widths[index] -= spare
            excess -= spare
        }
        // On a very narrow terminal a cut word reads better than a broken line.
        for least in [{ $0.minimum ?? .max }, { $0.isNumber ? .max : Table.least }] as [(Column) -> Int] {
            while excess > 0 {
                let candidates = columns.indices.filter { widths[$0] > least(columns[$0]) }
                guard let widest = candidates.max(by: { widths[$0] < widths[$1] }) else { break }
                widths[widest] -= 1
                excess -= 1
            }
        }
        return widths
    }

    /// Whether a row has a cell for this column alone.
    private func isOwn(_ cells: [Cell], _ index: Int) -> Bool {
        index < (cells.count == columns.count ? cells.count : cells.count - 1)
    }

    private func line(_ cells: [Cell], _ widths: [Int], _ limit: Int?) -> String {
        var line = ""
        var used = 0
        for (index, cell) in cells.enumerated() {
            let column = columns[index]
            guard isOwn(cells, index) else {
                let room = limit.map { max(1, $0 - used) } ?? .max
                return line + cell.style.apply(DisplayWidth.fit(cell.text, to: room, cut: .end))
            }
            used += widths[index] + Table.gap
            let text = DisplayWidth.fit(cell.text, to: widths[index], cut: column.cut)
            let padding = String(repeating: " ", count: max(0, widths[index] - DisplayWidth.of(text)))
            let isLast = index == cells.count - 1
            line += column.isNumber ? padding + cell.style.apply(text) : cell.style.apply(text)
            if !isLast { line += (column.isNumber ? "" : padding) + String(repeating: " ", count: Table.gap) }
        }
        return line
    }
}
