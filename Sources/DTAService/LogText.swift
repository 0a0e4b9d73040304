import DTABytes
import DTASystem
import Logging

/// A text as a JSON string (RFC 8259 §7).
func jsonString(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
        switch scalar {
        case "\"": result += "\\\""
        case "\\": result += "\\\\"
        case "\n": result += "\\n"
        case "\r": result += "\\r"
        case "\t": result += "\\t"
        case _ where ForeignText.isHostile(scalar):
            for unit in String(scalar).utf16 { result += "\\u" + Hexadecimal.encode(unit.bigEndianBytes) }
        default: result.unicodeScalars.append(scalar)
        }
    }
    return result + "\""
}

extension Logger.Level {
    /// syslog's number (RFC 5424 §6.2.1), which the journal uses too.
    var priority: Int {
        switch self {
        case .trace, .debug: 7
        case .info: 6
        case .notice: 5
        case .warning: 4
        case .error: 3
        case .critical: 2
        }
    }
}
