import DTABytes
import DTAJSON

/// JSON as plugins and the agent write it to each other.
extension JSONValue {
    /// Bytes, as base64 (RFC 4648 section 4, with padding): what `base64` of coreutils and most languages write.
    static func base64(_ bytes: [UInt8]) -> JSONValue { .string(Base64.encode(bytes)) }

    /// The same of a secret. JSON has only strings for it, which cannot be wiped: it leaves this process as one.
    static func base64(_ secret: SecretReference) -> JSONValue { .base64(secret.withBytes { Array(copying: $0) }) }

    /// The bytes of a string in the one form above; nil for everything else.
    var base64: [UInt8]? { string.flatMap { Base64.decode($0) } }

    /// On one line, with only printable ASCII: a plugin in sh can parse it by lines.
    var line: String { String(decoding: bytes { !(" "..."~").contains($0) }, as: UTF8.self) }

    /// A plugin's line.
    /// - Parameter line: its length is bounded by the caller.
    static func answer(_ line: [UInt8]) throws(JSONReader.Failure) -> JSONValue {
        try JSONReader.read(line, depth: PluginLimits.depth, numbers: .whole)
    }
}
