/// Options of all commands may also come before the command: `dtactl --socket PATH status`.
enum GlobalOptions {
    /// Moves options that come before a command, or inside a command of two words, behind it, where it reads them.
    static func hoisted(_ arguments: [String]) -> [String] {
        var rest = arguments[...]
        var words: [String] = []
        var moved: [String] = []
        while words.count < 2, let next = rest.first {
            if next == "--json" || next.hasPrefix("--socket=") || next.hasPrefix("--timeout=") {
                moved.append(next)
                rest = rest.dropFirst()
            } else if ["--socket", "--timeout"].contains(next), rest.count > 1 {
                moved += rest.prefix(2)
                rest = rest.dropFirst(2)
            } else if next.hasPrefix("-") {
                break
            } else {
                words.append(next)
                rest = rest.dropFirst()
            }
        }
        // Not behind a --: after that nothing is an option.
        let end = rest.firstIndex(of: "--") ?? rest.endIndex
        return words + rest[..<end] + moved + rest[end...]
    }
}
