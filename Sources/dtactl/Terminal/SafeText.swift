import DTASystem

/// Text from elsewhere, as a terminal shows it (`ForeignText`).
enum SafeText {
    /// One line: line feeds and tabs are escaped as well.
    static func line(_ text: String) -> String { ForeignText.escaped(text) }

    /// A text of several lines.
    static func lines(_ text: String) -> String { ForeignText.escaped(text, keeping: ["\n", "\t"]) }
}
