import CSystemd
import DTAConfiguration
import DTASystem
import Glibc
import Logging

/// Log records in systemd's journal, with a field for each piece of metadata: `DTA_KEY=…` (sd_journal_sendv(3)).
struct JournalLogHandler: LogHandler {
    /// The program that logs.
    let program: String
    var logLevel: Logger.Level
    var metadata: Logger.Metadata = [:]

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let all = metadata.merging(event.metadata ?? [:]) { $1 }.sorted { $0.key < $1.key }
        var message = event.message.description
        for (key, value) in all { message += " \(key)=\(value)" }
        var fields = [
            "MESSAGE=\(ForeignText.escaped(message))", "PRIORITY=\(event.level.priority)",
            "SYSLOG_IDENTIFIER=\(program)",
        ]
        for (key, value) in all {
            let name = key.uppercased().map { $0.isASCII && ($0.isLetter || $0.isNumber) ? $0 : "_" }
            fields.append("DTA_\(String(name))=\(value)")
        }
        let texts = fields.map { Array($0.utf8) }
        send(texts)
    }

    private func send(_ fields: [[UInt8]]) {
        let all = fields.flatMap { $0 }
        all.withUnsafeBytes { bytes in
            var vectors: [iovec] = []
            var at = 0
            for field in fields {
                let start = bytes.baseAddress.map { UnsafeMutableRawPointer(mutating: $0 + at) }
                vectors.append(iovec(iov_base: start, iov_len: field.count))
                at += field.count
            }
            _ = vectors.withUnsafeBufferPointer { sd_journal_sendv($0.baseAddress, Int32($0.count)) }
        }
    }

    /// Whether standard error is connected to the journal: systemd then says so by device and inode (systemd.exec(5)).
    static var isConnected: Bool {
        guard let stream = getenv("JOURNAL_STREAM").map({ String(cString: $0) }) else { return false }
        var status = stat()
        guard fstat(STDERR_FILENO, &status) == 0 else { return false }
        return stream == "\(status.st_dev):\(status.st_ino)"
    }
}

/// The logger that the configuration asks for.
/// - Parameter program: the one that logs.
public func makeLogger(_ log: Configuration.Log, program: String) -> Logger {
    let level: Logger.Level =
        switch log.level {
        case .debug: .debug
        case .info: .info
        case .notice: .notice
        case .warning: .warning
        case .error: .error
        }
    let journal = log.target == .journal || (log.target == .auto && JournalLogHandler.isConnected)
    return Logger(label: program) { _ in
        if journal { return JournalLogHandler(program: program, logLevel: level) as any LogHandler }
        return StderrLogHandler(format: log.format, logLevel: level)
    }
}
