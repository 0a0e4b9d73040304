/// Rows with children, in the order in which they are shown: the rows below a row follow it, indented.
struct Tree<Item> {
    /// How many levels are indented: a long thread must not run off the screen.
    private static var indentLimit: Int { 12 }

    struct Row {
        let item: Item
        /// 0 for a root.
        let depth: Int
        /// The lines that connect it: before its first line, and before those that follow.
        let first: String
        let rest: String
    }

    let rows: [Row]

    /// - Parameters:
    ///   - items: items with the same parent keep their order.
    ///   - id: the identifier of an item.
    ///   - parent: the identifier of its parent; an item whose parent is not among the items is a root.
    init<ID: Hashable>(_ items: [Item], id: (Item) -> ID, parent: (Item) -> ID?) {
        var children: [ID: [Item]] = [:]
        var roots: [Item] = []
        let known = Set(items.map(id))
        for item in items {
            if let above = parent(item), known.contains(above), above != id(item) {
                children[above, default: []].append(item)
            } else {
                roots.append(item)
            }
        }
        // No recursion: a thread may be of any length.
        var rows: [Row] = []
        var waiting: [(item: Item, depth: Int, before: String, isLast: Bool)] =
            roots.reversed().map { ($0, 0, "", true) }
        while let (item, depth, before, isLast) = waiting.popLast() {
            let below = children.removeValue(forKey: id(item)) ?? []
            let isIndented = depth > 0 && depth <= Self.indentLimit
            let first = depth == 0 ? "" : isIndented ? before + (isLast ? "└ " : "├ ") : before
            let after = isIndented ? before + (isLast ? "  " : "│ ") : before
            rows.append(Row(item: item, depth: depth, first: first, rest: after + (below.isEmpty ? "  " : "│ ")))
            for (index, child) in below.enumerated().reversed() {
                waiting.append((child, depth + 1, after, index == below.count - 1))
            }
        }
        self.rows = rows
    }
}
