/// The other side's words, safe to show.
public enum HTTPText {
    /// Foreign words in a sentence of ours: one line, bounded, and without control characters.
    public static func quoted(_ text: String) -> String {
        let words = text.unicodeScalars.split { scalar in
            switch scalar.properties.generalCategory {
            case .spaceSeparator, .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .privateUse,
                .unassigned:
                true
            default: false
            }
        }
        let line = words.map { String($0) }.joined(separator: " ")
        return line.count <= 300 ? line : line.prefix(300) + "…"
    }
}
