import DTABytes
import DTAConfiguration
import DTASystem
import Glibc
import Logging

/// Log lines on standard error: text for people, or a JSON object a line for programs.
struct StderrLogHandler: LogHandler {
    let format: Configuration.Log.Format
    var logLevel: Logger.Level
    var metadata: Logger.Metadata = [:]

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let fields = metadata.merging(event.metadata ?? [:]) { $1 }.sorted { $0.key < $1.key }
        var line: String
        switch format {
        case .text:
            line = "\(timestamp()) \(event.level.rawValue) \(ForeignText.escaped(event.message.description))"
            for (key, value) in fields { line += " \(key)=\(ForeignText.escaped("\(value)"))" }
        case .json:
            line = "{\"time\":\(jsonString(timestamp())),\"level\":\"\(event.level.rawValue)\""
            line += ",\"message\":\(jsonString(event.message.description))"
            for (key, value) in fields { line += ",\(jsonString(key)):\(jsonString("\(value)"))" }
            line += "}"
        }
        printError(line)
    }

    /// RFC 3339 in UTC.
    private func timestamp() -> String {
        let now = unixMicroseconds()
        return "\(UTCTime.text(now / 1_000_000).dropLast()).\(String(1000 + now / 1000 % 1000).dropFirst())Z"
    }
}
