/// How a word looks on a terminal with colours.
enum Style: String {
    case plain = ""
    case bold = "1"
    case dim = "2"
    case error = "1;31"
    case bad = "31"
    case good = "32"
    case warning = "33"
    case heading = "1;36"

    func apply(_ text: String, to terminal: Terminal = .output) -> String {
        self == .plain || !terminal.hasColours ? text : "\u{1b}[\(rawValue)m\(text)\u{1b}[0m"
    }
}
