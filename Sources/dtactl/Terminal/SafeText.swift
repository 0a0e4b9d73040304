import DTASystem

/// Text from elsewhere, made safe to show: what a terminal would obey, and what would make a line read other than it
/// is, is written as `\u{…}` instead.
enum SafeText {
    /// One line: line feeds and tabs are escaped as well.
    static func line(_ text: String) -> String { escape(text, keeping: []) }

    /// A text of several lines.
    static func lines(_ text: String) -> String { escape(text, keeping: ["\n", "\t"]) }

    private static func escape(_ text: String, keeping kept: Set<Unicode.Scalar>) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            if kept.contains(scalar) || !isHostile(scalar) {
                result.unicodeScalars.append(scalar)
            } else if let byte = NativeText.byte(scalar) {
                // Of a file's name, for instance, which is bytes.
                result += "\\x" + String(byte, radix: 16)
            } else {
                result += "\\u{\(String(scalar.value, radix: 16))}"
            }
        }
        return result
    }

    /// C0, DEL and C1 controls, line and paragraph separators, and the format characters, among them those that change
    /// the direction of text. The joiners of emoji and of some scripts are format characters too: they are shown escaped.
    static func isHostile(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .privateUse, .unassigned: true
        default: false
        }
    }
}
