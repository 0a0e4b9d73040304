import DTASystem
import Logging

/// What a logger was told, for tests to read.
final class Journal: Sendable {
    private let lines = Locked<[(level: Logger.Level, text: String)]>([])

    var logger: Logger { Logger(label: "test") { [lines] _ in Handler(lines: lines) } }

    func lines(_ level: Logger.Level, about text: String = "") -> [String] {
        lines.withLock { $0.filter { $0.level == level && (text.isEmpty || $0.text.contains(text)) }.map(\.text) }
    }

    private struct Handler: LogHandler {
        let lines: Locked<[(level: Logger.Level, text: String)]>
        var metadata: Logger.Metadata = [:]
        var logLevel = Logger.Level.trace

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) { lines.withLock { $0.append((event.level, "\(event.message)")) } }
    }
}
