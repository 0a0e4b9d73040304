/// What a record says beside its subject: words such as `allow_untrusted` and `as=bafy…`, separated by spaces. Only
/// plain characters of a client's text are kept, so that no value can pass for another word.
package struct AuditDetail: Sendable, Equatable {
    package private(set) var text = ""
    /// Bytes of one value.
    private static let valueLimit = 96

    package init() {}

    /// - Parameters: `word`: a constant of dtad; `value`: "": the word alone.
    package mutating func add(_ word: StaticString, _ value: String = "") {
        if !text.isEmpty { text += " " }
        text += "\(word)"
        guard !value.isEmpty else { return }
        text += "="
        text += String(
            String.UnicodeScalarView(value.unicodeScalars.prefix(AuditDetail.valueLimit).map(AuditDetail.plain)))
    }

    private static func plain(_ scalar: Unicode.Scalar) -> Unicode.Scalar {
        switch scalar {
        case "a"..."z", "A"..."Z", "0"..."9", ".", "_", "-", ":", "/", "+", ",", "@", "*": scalar
        default: "?"
        }
    }
}
