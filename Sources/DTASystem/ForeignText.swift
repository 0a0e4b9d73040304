/// Text from elsewhere, made fit to be shown: in errors, tables, logs and answers. One rule says which characters are
/// shown as they are. There are three forms for text with others.
public enum ForeignText {
    /// Whether a terminal might obey the character, or it could make a text look like another one, or it has no fixed
    /// appearance: C0, DEL and C1 controls, line and paragraph separators, format characters (among them those that change
    /// the direction of text, and the joiners of emoji and of some scripts), private use and unassigned characters.
    public static func isHostile(_ scalar: Unicode.Scalar) -> Bool {
        if (0x20..<0x7f).contains(scalar.value) { return false }
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .privateUse, .unassigned: return true
        default: return false
        }
    }

    /// The text, with hostile characters as `\u{…}`, and bytes that are no text (`NativeText`) as `\xNN`.
    /// - Parameter kept: what is shown all the same, such as line feeds.
    public static func escaped(_ text: String, keeping kept: Set<Unicode.Scalar> = []) -> String {
        guard text.unicodeScalars.contains(where: { isHostile($0) && !kept.contains($0) }) else { return text }
        var result = ""
        for scalar in text.unicodeScalars {
            if kept.contains(scalar) || !isHostile(scalar) {
                result.unicodeScalars.append(scalar)
            } else if let byte = NativeText.byte(scalar) {
                result += "\\x" + String(byte, radix: 16)
            } else {
                result += "\\u{\(String(scalar.value, radix: 16))}"
            }
        }
        return result
    }

    /// Quoted and escaped, for a sentence.
    /// - Parameter limit: after how many characters (Unicode scalars) it is cut.
    public static func quoted(_ text: String, limit: Int = 80) -> String {
        let scalars = text.unicodeScalars
        let isLonger = scalars.dropFirst(limit).first != nil
        return "\"" + escaped(String(String.UnicodeScalarView(scalars.prefix(limit)))) + (isLonger ? "…" : "") + "\""
    }

    /// The text on one line: spaces and hostile characters between two words become one space. For what another program
    /// says, which may be long.
    /// - Parameter limit: after how many characters it is cut.
    public static func line(_ text: String, limit: Int = 300) -> String {
        let words = text.unicodeScalars.split { isHostile($0) || $0.properties.generalCategory == .spaceSeparator }
        let line = words.map { String($0) }.joined(separator: " ")
        return line.count <= limit ? line : line.prefix(limit) + "…"
    }
}
