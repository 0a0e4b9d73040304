import DTAFormats
import DTAJSON

/// A rule for texts, used for reading requests and in the interface's description.
struct TextRule: Sendable {
    /// For people: "a CID".
    let what: String
    /// A regular expression of ECMA-262, as JSON Schema has them; nil: any text.
    let pattern: String?
    /// Characters.
    let lengths: ClosedRange<Int>
    private let accept: @Sendable (String) -> Bool

    private init(
        _ what: String, pattern: String?, lengths: ClosedRange<Int>, accept: @escaping @Sendable (String) -> Bool
    ) {
        self.what = what
        self.pattern = pattern
        self.lengths = lengths
        self.accept = accept
    }

    func accepts(_ text: String) -> Bool { lengths.contains(text.unicodeScalars.count) && accept(text) }

    var schema: JSONValue {
        .members([
            ("type", "string"), ("description", .string(what)), ("pattern", pattern.map { .string($0) }),
            ("minLength", .integer(Int64(lengths.lowerBound))), ("maxLength", .integer(Int64(lengths.upperBound))),
        ])
    }

    /// Of a document: version 1, DAG-CBOR, SHA-256, in base32. 288 bits have 58 characters, of which the last has three
    /// bits.
    static let cid = TextRule(
        "a CID", pattern: "^bafyrei[a-h][a-z2-7]{50}[aeimquy4]$", lengths: 59...59
    ) { text in
        (try? CID(text))?.codec == .dagCBOR
    }

    /// The name of an identity or a key on this host.
    static let name = TextRule(
        "a name of 1 to 64 letters, digits, \".\", \"_\" or \"-\", the first a letter or digit",
        pattern: "^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$", lengths: 1...64
    ) { text in
        text.utf8.first != UInt8(ascii: ".") && text.utf8.first != UInt8(ascii: "_")
            && text.utf8.first != UInt8(ascii: "-") && text.utf8.allSatisfy(isOfName)
    }

    /// Names, aliases and CIDs have the same letters.
    static let identity = TextRule(
        "a name, an alias or a CID", pattern: "^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$", lengths: 1...64, accept: name.accept)

    /// An order by its reference, by the beginning of one, or by its CID. 128 bits have 26 characters, of which the
    /// last has three bits.
    static let order = TextRule(
        "an order's reference, a beginning of it of 8 characters or more, or its CID",
        pattern: "^([a-z2-7]{8,25}|[a-z2-7]{25}[aeimquy4]|bafyrei[a-h][a-z2-7]{50}[aeimquy4])$", lengths: 8...59
    ) { text in
        guard text.utf8.allSatisfy({ (0x61...0x7a).contains($0) || (0x32...0x37).contains($0) }) else { return false }
        return text.utf8.count < 26 || (text.utf8.count == 26 && "aeimquy4".contains(text.suffix(1)))
            || cid.accepts(text)
    }

    /// A kind of order.
    static let type = TextRule(
        "a type of order", pattern: "^[a-z0-9][a-z0-9-]{0,31}$", lengths: 1...32
    ) { text in
        text.utf8.first != UInt8(ascii: "-") && text.utf8.allSatisfy { isOfField($0) && $0 != UInt8(ascii: "_") }
    }

    static let fieldName = TextRule(
        "1 to 32 of a-z, 0-9, \"_\" and \"-\"", pattern: "^[a-z0-9_-]{1,32}$", lengths: 1...32
    ) { $0.utf8.allSatisfy(isOfField) }

    /// The same in a foreign spelling.
    static let givenFieldName = TextRule(
        "1 to 32 letters, digits, \"_\" and \"-\"", pattern: "^[A-Za-z0-9_-]{1,32}$", lengths: 1...32
    ) { $0.utf8.allSatisfy { isOfName($0) && $0 != UInt8(ascii: ".") } }

    /// The same, or an empty text.
    static func orNone(_ rule: TextRule) -> TextRule {
        TextRule(
            rule.what + ", or nothing", pattern: rule.pattern.map { "^(\($0.dropFirst().dropLast()))?$" },
            lengths: 0...rule.lengths.upperBound
        ) { $0.isEmpty || rule.accepts($0) }
    }

    static let fieldValue = TextRule("a text of at most 16,384 characters", pattern: nil, lengths: 0...16_384) { _ in
        true
    }

    /// A schema counts characters, so the bound in bytes is in words.
    static let purpose = TextRule(
        "one line of at most 256 bytes in UTF-8", pattern: "^[^\\u0000-\\u001f\\u007f]*$", lengths: 0...256
    ) { text in
        text.utf8.count <= 256 && text.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x7f }
    }

    /// A list's cursor.
    static let cursor = TextRule("a cursor that was answered before", pattern: "^[0-9]{1,18}$", lengths: 1...18) {
        text in
        text.utf8.allSatisfy { (0x30...0x39).contains($0) }
    }

    /// RFC 4648 §4.
    static let base64 = TextRule(
        "base64 with padding", pattern: "^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$",
        lengths: 0...(1 << 20)
    ) { _ in true }

    private static func isOfName(_ byte: UInt8) -> Bool {
        (0x30...0x39).contains(byte) || (0x41...0x5a).contains(byte) || (0x61...0x7a).contains(byte) || byte == 0x2e
            || byte == 0x5f || byte == 0x2d
    }

    private static func isOfField(_ byte: UInt8) -> Bool {
        (0x30...0x39).contains(byte) || (0x61...0x7a).contains(byte) || byte == 0x5f || byte == 0x2d
    }
}
