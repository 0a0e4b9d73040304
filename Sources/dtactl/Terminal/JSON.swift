import DTABytes
import DTAJSON
import DTASystem

/// The output for programs (docs/dtactl.md).
typealias JSON = JSONValue

extension JSONValue {
    /// An object with its members in documented order.
    static func object(_ members: [(String, JSONValue)]) -> JSONValue {
        .object(members.map { Member($0.0, $0.1) })
    }

    static func number(_ number: Int64) -> JSONValue { .integer(number) }

    /// Bytes, as base64 (RFC 4648, with padding).
    static func bytes(_ bytes: some Sequence<UInt8>) -> JSONValue { .string(Base64.encode(Array(bytes))) }

    /// On one line. Characters that a terminal might obey are written as \u.
    var text: String { String(decoding: bytes(escaping: ForeignText.isHostile), as: UTF8.self) }

    func show() throws { try StandardOutput.line(text) }

    /// A list: one value a line, no line for an empty list.
    static func showLines(_ values: [JSONValue]) throws {
        try StandardOutput.write(Array(values.map { $0.text + "\n" }.joined().utf8))
    }
}
