import Testing

/// The form of the pages: what a terminal, a diff and a reader can take.
@Suite("The documents' form")
struct DocumentFormTests {
    private static let width = 120
    /// A row of a table cannot be broken. A longer one has a cell with more than one fact.
    private static let rowWidth = 140

    @Test(
        "no line of a page is longer than 120 characters, no row of a table longer than 140",
        arguments: try Documents.pages)
    func width(page: String) throws {
        var isInFence = false
        for (number, line) in try Documents.text(page).split(separator: "\n", omittingEmptySubsequences: false)
            .enumerated()
        {
            if line.hasPrefix("```") { isInFence.toggle() }
            if line.count <= Self.width { continue }
            let isTable = line.hasPrefix("|") && !isInFence && line.count <= Self.rowWidth
            // A CID, an address or a message on the wire has no place for a break.
            let hasLongWord = line.split(separator: " ").contains { $0.count >= 50 }
            let isMessage = isInFence && (line.hasPrefix("> {") || line.hasPrefix("< {"))
            #expect(isTable || hasLongWord || isMessage, "\(page):\(number + 1) has \(line.count) characters")
        }
    }
}
