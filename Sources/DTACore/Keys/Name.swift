import DTASystem

/// The name of a key: 1 to 64 of a-z A-Z 0-9 . _ -, the first a letter or digit. It is unique on the host.
package struct KeyName: Sendable, Hashable {
    package let text: String

    /// - Throws: `DTAError.invalidArgument`.
    package init(_ text: String) throws {
        try checkName(text, of: "key")
        self.text = text
    }
}

/// The most bytes that a name may have.
package let nameLimit = 64

/// - Parameter what: key or identity.
/// - Throws: `DTAError.invalidArgument`.
package func checkName(_ text: String, of what: String) throws {
    let bytes = text.utf8
    guard let first = bytes.first, isNameStart(first), bytes.count <= nameLimit, bytes.allSatisfy(isNameByte) else {
        throw DTAError(
            .invalidArgument,
            "\(quoted(text)) cannot be the name of a\(what == "key" ? "" : "n") \(what): names have 1 to \(nameLimit) of "
                + "a-z A-Z 0-9 . _ -, the first a letter or digit")
    }
}
