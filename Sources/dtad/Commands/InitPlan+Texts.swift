import DTASystem

/// What may be written into a configuration, and how.
extension InitPlan {
    /// Letters, digits, marks, punctuation, symbols and the space: what a person can read and write again.
    static func isPrintable(_ scalar: Unicode.Scalar) -> Bool {
        scalar == " " || !ForeignText.isHostile(scalar) && scalar.properties.generalCategory != .spaceSeparator
    }

    /// A double-quoted scalar of YAML.
    static func quoted(_ text: String) -> String {
        var quoted = "\""
        for scalar in text.unicodeScalars {
            if scalar == "\"" || scalar == "\\" { quoted += "\\" }
            quoted.unicodeScalars.append(scalar)
        }
        return quoted + "\""
    }

    static func isPlain(_ scalar: Unicode.Scalar) -> Bool {
        scalar.value >= 0x20 && scalar.value != 0x7f && scalar != "\"" && scalar != "\\"
    }
}
