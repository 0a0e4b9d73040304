import DTASystem

/// A part of a list, and the cursor at which it continues.
package struct Page<Element: Sendable>: Sendable {
    package var items: [Element]
    /// For the next call; "" at the end of the list.
    package var cursor: String

    package init(items: [Element], cursor: String) {
        self.items = items
        self.cursor = cursor
    }
}

/// How many rows a list answers at a time.
package enum PageSize {
    static let standard = 100
    static let maximum = 1000

    /// - Parameter count: the client's number; 0: the default.
    package static func of(_ count: UInt32) throws -> Int {
        guard count <= maximum else {
            throw DTAError(.invalidArgument, "a list answers at most \(maximum) rows at a time, not \(count)")
        }
        return count == 0 ? standard : Int(count)
    }
}
