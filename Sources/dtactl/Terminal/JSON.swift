/// A JSON value whose members keep the order in which they are documented.
enum JSON: Sendable {
    case null
    case bool(Bool)
    case number(Int64)
    case string(String)
    case array([JSON])
    case object([(String, JSON)])

    /// Bytes, as base64 (RFC 4648, with padding).
    static func bytes(_ bytes: some Sequence<UInt8>) -> JSON { .string(Base64.encode(Array(bytes))) }

    /// On one line. All that a terminal might obey is written as \u.
    var text: String {
        switch self {
        case .null: "null"
        case .bool(let value): value ? "true" : "false"
        case .number(let value): "\(value)"
        case .string(let value): JSON.quote(value)
        case .array(let values): "[" + values.map(\.text).joined(separator: ",") + "]"
        case .object(let members):
            "{" + members.map { JSON.quote($0.0) + ":" + $0.1.text }.joined(separator: ",") + "}"
        }
    }

    func show() throws { try StandardOutput.line(text) }

    /// A list: one value a line, nothing for none.
    static func showLines(_ values: [JSON]) throws {
        try StandardOutput.write(Array(values.map { $0.text + "\n" }.joined().utf8))
    }

    private static func quote(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case _ where SafeText.isHostile(scalar):
                for unit in UTF16.encode(scalar) ?? .init() {
                    let digits = String(unit, radix: 16)
                    result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
                }
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }
}
