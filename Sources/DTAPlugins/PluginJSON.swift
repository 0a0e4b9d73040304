import Foundation

/// What plugins and the agent say to each other: JSON (RFC 8259) without fractions.
enum PluginJSON: Equatable, Sendable {
    case null
    case bool(Bool)
    case integer(Int64)
    case string(String)
    case array([PluginJSON])
    case object([String: PluginJSON])

    /// Bytes, as base64 (RFC 4648 section 4, with padding): what `base64` of coreutils and most languages write.
    static func base64(_ bytes: [UInt8]) -> PluginJSON { .string(Data(bytes).base64EncodedString()) }

    /// The bytes of a string in the one form above; nil for everything else.
    var bytes: [UInt8]? {
        guard case .string(let text) = self, let data = Data(base64Encoded: text), data.base64EncodedString() == text
        else { return nil }
        return Array(data)
    }

    var text: String? { if case .string(let text) = self { text } else { nil } }
    var members: [String: PluginJSON]? { if case .object(let members) = self { members } else { nil } }

    /// On one line, members in the order of their names, and nothing in it beyond ASCII's printable characters: a plugin
    /// in sh can take it apart by lines.
    var line: String {
        switch self {
        case .null: "null"
        case .bool(let value): value ? "true" : "false"
        case .integer(let value): "\(value)"
        case .string(let value): PluginJSON.quote(value)
        case .array(let values): "[" + values.map(\.line).joined(separator: ",") + "]"
        case .object(let members):
            "{"
                + members.sorted { $0.key < $1.key }.map { PluginJSON.quote($0.key) + ":" + $0.value.line }
                .joined(separator: ",") + "}"
        }
    }

    private static func quote(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case " "..."~": result.unicodeScalars.append(scalar)
            default:
                for unit in UTF16.encode(scalar) ?? .init() {
                    let digits = String(unit, radix: 16)
                    result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
                }
            }
        }
        return result + "\""
    }
}
