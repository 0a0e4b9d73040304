import Foundation
import TestSupport
import Testing

/// What tests do to an agent's state behind its back.
extension TestAgent {
    /// A backup of the state, as it is now.
    func backup(_ name: String = "backup.tar") throws -> String {
        let file = directory.file(name)
        let made = try run(Binary.path("dtad"), ["backup", file, "--config", configuration])
        #expect(made.status == 0, "\(made.errors)")
        return file
    }

    /// Has the agent go on from a backup; what it did since is lost.
    /// - Returns: what the command said.
    @discardableResult
    func restore(_ file: String) throws -> String {
        crash()
        let target = directory.file("restored")
        let restored = try run(Binary.path("dtad"), ["restore", file, "--state", target])
        #expect(restored.status == 0, "\(restored.errors)")
        let text = try String(contentsOfFile: configuration, encoding: .utf8)
        try text.replacingOccurrences(of: "state: \"\(state)\"", with: "state: \"\(target)\"")
            .write(toFile: configuration, atomically: true, encoding: .utf8)
        try start()
        return restored.text
    }

    /// Where its database is, restored or not.
    private var database: String {
        let restored = directory.file("restored/state.sqlite")
        return FileManager.default.fileExists(atPath: restored) ? restored : state + "/state.sqlite"
    }

    /// The rows of a question to the database, a line each, with spaces between the columns.
    func rows(_ sql: String) throws -> [String] {
        let script = """
            import sqlite3, sys
            base = sqlite3.connect("file:" + sys.argv[1] + "?mode=ro", uri=True, timeout=30)
            for row in base.execute(sys.argv[2]): print(*row)
            """
        let found = try run("/usr/bin/python3", ["-c", script, database, sql])
        #expect(found.status == 0, "\(found.errors)")
        return found.text.split(separator: "\n").map(String.init)
    }

    /// Writes to the database of an agent that is stopped.
    func change(_ sql: String) throws {
        let script = """
            import sqlite3, sys
            base = sqlite3.connect(sys.argv[1])
            base.executescript(sys.argv[2])
            base.commit()
            """
        let changed = try run("/usr/bin/python3", ["-c", script, database, sql])
        #expect(changed.status == 0, "\(changed.errors)")
    }

    /// The database and its log, to be put back by `rollBack`: a way back of which dtad knows nothing. One without the
    /// other is refused.
    func copyState() throws -> String {
        let copy = directory.file("copy-\(UInt32.random(in: 0 ... .max))")
        try FileManager.default.createDirectory(atPath: copy, withIntermediateDirectories: true)
        for name in Self.stateFiles where FileManager.default.fileExists(atPath: state + "/" + name) {
            try FileManager.default.copyItem(atPath: state + "/" + name, toPath: copy + "/" + name)
        }
        return copy
    }

    func rollBack(_ copy: String) throws {
        for name in Self.stateFiles {
            try? FileManager.default.removeItem(atPath: state + "/" + name)
            guard FileManager.default.fileExists(atPath: copy + "/" + name) else { continue }
            try FileManager.default.copyItem(atPath: copy + "/" + name, toPath: state + "/" + name)
        }
    }

    private static let stateFiles = ["state.sqlite", "state.sqlite-wal", "state.sqlite-shm", "audit"]
}
