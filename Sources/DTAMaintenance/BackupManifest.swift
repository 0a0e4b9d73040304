import Crypto
import DTABytes
import DTACore
import DTASystem

/// The first file of a backup: the names of the others, with their hashes. `sha256sum --check MANIFEST` understands it.
///
///     # dtad backup 1
///     # made 1763827200
///     # version 0.1.0
///     # token dta
///     <64 hexadecimal digits>  state.sqlite
///     …
///     # sum <SHA-256 of all lines before>
struct BackupManifest: Equatable {
    struct Entry: Equatable {
        let name: String
        /// SHA-256, 32 bytes.
        var hash: [UInt8]
    }

    static let name = "MANIFEST"
    static let databaseName = "state.sqlite"
    /// In bytes: half a million bodies.
    static let limit = 64 << 20
    private static let title = "# dtad backup 1"
    private static let noHash = [UInt8](repeating: 0, count: 32)

    /// Unix seconds.
    let made: Int64
    /// The version of the dtad that made it.
    let version: String
    /// The label or the serial number of the token to which the state belongs.
    let token: String
    var entries: [Entry]

    /// The names of the files to follow; their hashes are filled in while they are written. The size stays the same.
    init(made: Int64, version: String, token: String, names: [String]) {
        self.made = made
        self.version = BackupManifest.line(version)
        self.token = BackupManifest.line(token)
        entries = names.map { Entry(name: $0, hash: BackupManifest.noHash) }
    }

    /// The harmless characters of a text, on one line: at most 80.
    private static func line(_ text: String) -> String {
        String(text.unicodeScalars.filter { !ForeignText.isHostile($0) }.prefix(80))
    }

    var bytes: [UInt8] {
        let head = [BackupManifest.title, "# made \(made)", "# version \(version)", "# token \(token)"]
        let lines = entries.map { Hexadecimal.encode($0.hash) + "  " + $0.name }
        let text = (head + lines).flatMap { Array($0.utf8) + [UInt8(ascii: "\n")] }
        // Detects damage to the lines that no other hash covers.
        return text + "# sum \(Hexadecimal.encode(SHA256.hash(data: text)))\n".utf8
    }

    /// SHA-256 of the manifest, in hexadecimal: it identifies the whole backup.
    var fingerprint: String { Hexadecimal.encode(SHA256.hash(data: bytes)) }

    /// - Throws: `DTAError.dataLoss` if it is not the manifest of a backup, `failedPrecondition` if it is of another
    ///   version.
    init(_ bytes: [UInt8]) throws {
        guard let text = String(validating: bytes, as: UTF8.self), text.hasPrefix("# dtad backup ") else {
            throw BackupManifest.damaged
        }
        var lines = text.split(separator: "\n", omittingEmptySubsequences: false)[...]
        guard lines.removeFirst() == BackupManifest.title else {
            throw DTAError(
                .failedPrecondition, "the backup has a form that this dtad (\(Version.current)) does not know",
                hint: "restore it with the dtad that made it, or a newer one")
        }
        func value(_ key: String) throws -> String {
            let prefix = "# \(key) "
            guard let line = lines.popFirst(), line.hasPrefix(prefix) else { throw BackupManifest.damaged }
            return String(line.dropFirst(prefix.count))
        }
        guard let made = Int64(try value("made")), (0...UTCTime.last).contains(made) else {
            throw BackupManifest.damaged
        }
        self.made = made
        version = try value("version")
        token = try value("token")
        // An administrator who restores reads them on a terminal.
        guard [version, token].allSatisfy({ $0 == BackupManifest.line($0) }) else { throw BackupManifest.damaged }
        guard lines.popLast() == "", lines.popLast()?.hasPrefix("# sum ") == true else { throw BackupManifest.damaged }
        entries = try lines.map(BackupManifest.entry)
        // Only one form, each name once, and the database among them.
        guard self.bytes == bytes, Set(entries.map(\.name)).count == entries.count,
            entries.first?.name == BackupManifest.databaseName
        else { throw BackupManifest.damaged }
    }

    private static func entry(_ line: Substring) throws -> Entry {
        let parts = line.split(separator: " ", omittingEmptySubsequences: false)
        guard parts.count == 3, parts[1].isEmpty, let hash = Hexadecimal.decodeSmall(parts[0]), hash.count == 32,
            isAllowed(String(parts[2]))
        else { throw damaged }
        return Entry(name: String(parts[2]), hash: hash)
    }

    /// Only files of a state directory; no name may lead out of it.
    static func isAllowed(_ name: String) -> Bool {
        if name == databaseName { return true }
        let parts = name.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, name.utf8.count <= TarHeader.nameLimit else { return false }
        switch parts[0] {
        case "audit": return AuditSegment.first(ofName: String(parts[1])) != nil
        case "segments": return isSegment(parts[1])
        default: return false
        }
    }

    /// A body of a large envelope; unfinished ones end in `.partial`.
    static func isSegment(_ name: Substring) -> Bool {
        guard let first = name.utf8.first, first != UInt8(ascii: "."), !name.hasSuffix(".partial") else { return false }
        return name.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"): true
            case UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "_"): true
            default: false
            }
        }
    }

    private static let damaged = DTAError(
        .dataLoss, "the manifest of the backup is damaged", hint: "use another copy of the backup")
}
