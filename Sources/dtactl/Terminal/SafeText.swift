import DTASystem

/// Foreign text made safe for a terminal (`ForeignText`).
enum SafeText {
    /// One line: line feeds and tabs are escaped as well.
    static func line(_ text: String) -> String { ForeignText.escaped(text) }

    /// A text of several lines.
    static func lines(_ text: String) -> String { ForeignText.escaped(text, keeping: ["\n", "\t"]) }
}
