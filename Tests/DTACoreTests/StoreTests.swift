import DTAFormats
import DTASystem
import Foundation
import GRDB
import TestSupport
import Testing

@testable import DTAAgent
@testable import DTACore
@testable import DTALedger

@Suite struct StoreTests {
    let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    /// Append-only: what was released stays, in this order.
    static let steps = [
        "keys", "intents", "blocks", "identities", "segments", "envelopes", "lines", "publications", "post-quantum",
        "block-charge", "publication-turns", "orders", "restorations", "offered-shares", "refusals", "order-states",
        "key-bindings", "destructions", "audit-memory", "token", "ssh", "ssh-certificates", "key-views",
        "key-origins", "ssh-confirmations",
    ]

    @Test("the migrations are those that were released, in their order")
    func names() { #expect(StoreMigrations.migrator.migrations == StoreTests.steps) }

    @Test("a database of every earlier version is brought up to date", arguments: steps)
    func fromEarlier(_ step: String) throws {
        let path = directory.file("state.sqlite")
        do {
            let queue = try DatabaseQueue(path: path)
            try StoreMigrations.migrator.migrate(queue, upTo: step)
            try queue.write { database in
                try database.execute(
                    sql: """
                        INSERT INTO keys (name, type, owner_uid, owner_name, object, created, public_key)
                        VALUES ('old', 2, 1000, 'alice', ?, 1, ?)
                        """,
                    arguments: [Data(count: 16), Data(count: 65)])
            }
        }
        let store = try Store(directory: directory.path)
        #expect(try store.read { try String.fetchAll($0, sql: "SELECT name FROM keys") } == ["old"])
        #expect(try store.read { try StoreMigrations.migrator.hasCompletedMigrations($0) })
    }

    @Test("a database of a later version is refused")
    func fromLater() throws {
        do {
            let queue = try DatabaseQueue(path: directory.file("state.sqlite"))
            var migrator = StoreMigrations.migrator
            migrator.registerMigration("of the future") { _ in }
            try migrator.migrate(queue)
        }
        #expect(code { _ = try Store(directory: directory.path) } == .failedPrecondition)
    }

    @Test("the database is its owner's alone, durable at each commit, and overwrites what is deleted")
    func settings() throws {
        let store = try Store(directory: directory.path)
        for file in ["state.sqlite", "state.sqlite-wal"] {
            let mode = try FileManager.default.attributesOfItem(atPath: directory.file(file))[.posixPermissions] as? Int
            #expect(mode == 0o600, "\(file)")
        }
        let settings = try store.write { database in
            try ["synchronous", "secure_delete", "foreign_keys"].map { try Int.fetchOne(database, sql: "PRAGMA \($0)") }
        }
        #expect(settings == [2, 1, 1])
        #expect(try store.read { try String.fetchOne($0, sql: "PRAGMA journal_mode") } == "wal")
    }

    @Test("a new database is blank until something is written, and what dtad notes of its log does not count")
    func blank() throws {
        let store = try Store(directory: directory.path)
        #expect(try store.isBlank())
        try store.note {
            try AuditMemory.save(
                AuditEnd(
                    current: 1, place: AuditPlace(number: 0, hash: AuditLine.origin), isClean: false), $0)
        }
        #expect(try store.isBlank() && store.change == 0)
        try store.write { try $0.execute(sql: "INSERT INTO intents (kind, name, created) VALUES ('x', 'y', 1)") }
        #expect(try !store.isBlank() && store.change == 1)
        try store.write { _ = try Int.fetchOne($0, sql: "SELECT count(*) FROM intents") }
        #expect(store.change == 1, "a transaction that changes nothing is no change")
    }

    @Test("after a second without a write, and after the store's end, all is in the database's one file")
    func oneFile() throws {
        let store = try Store(directory: directory.path)
        func log() -> Int { (FileFacts.of(directory.file("state.sqlite-wal"))?.size).map(Int.init) ?? 0 }
        try store.write { try $0.execute(sql: "INSERT INTO intents (kind, name, created) VALUES ('x', 'y', 1)") }
        try store.rest()
        #expect(log() > 0, "it waits until nothing more comes")
        try store.rest()
        #expect(log() == 0)
        try store.write { try $0.execute(sql: "INSERT INTO intents (kind, name, created) VALUES ('x', 'z', 1)") }
        try store.close()
        #expect(log() == 0)
        try FileManager.default.copyItem(atPath: store.path, toPath: directory.file("copy.sqlite"))
        let copy = try DatabaseQueue(path: directory.file("copy.sqlite"))
        #expect(try copy.read { try Int.fetchOne($0, sql: "SELECT count(*) FROM intents") } == 2)
    }

    @Test("a write after the database's files were taken away is never acknowledged", arguments: ["", "-wal", "-shm"])
    func takenAway(ending: String) throws {
        let store = try Store(directory: directory.path)
        let insert: (Database) throws -> Void = {
            try $0.execute(sql: "INSERT INTO intents (kind, name, created) VALUES ('x', 'y', 1)")
        }
        try store.write(insert)
        let (file, away) = (directory.file("state.sqlite" + ending), directory.file("away"))
        #expect(rename(file, away) == 0)
        let error = try refusal { try store.write(insert) }
        #expect(error.code == .unavailable && error.message.contains("state.sqlite\(ending) was removed"))
        try directory.write("state.sqlite" + ending, "")
        #expect(try refusal { try store.write(insert) }.message.contains("replaced"))
        #expect(rename(away, file) == 0)
        try store.write(insert)
    }

    @Test(
        "a write after another program changed the database's files is never acknowledged, and a start looks for damage",
        arguments: ["cut", "overwritten", "touched"], ["", "-wal"])
    func changedInPlace(how: String, ending: String) throws {
        let insert: (Database) throws -> Void = {
            try $0.execute(sql: "INSERT INTO intents (kind, name, created) VALUES ('x', 'y', 1)")
        }
        do {
            let store = try Store(directory: directory.path)
            for _ in 0..<3 { try store.write(insert) }
            _ = try store.read { try Int.fetchOne($0, sql: "SELECT count(*) FROM intents") }
            #expect(store.fault == nil)
            let path = directory.file("state.sqlite" + ending)
            let size = try #require(FileFacts.of(path)?.size)
            switch how {
            case "cut": #expect(truncate(path, Int(size) - 1) == 0)
            case "touched":
                #expect(utimes(path, [timeval(tv_sec: 1, tv_usec: 0), timeval(tv_sec: 1, tv_usec: 0)]) == 0)
            default:
                let file = try FileHandle(forUpdating: URL(fileURLWithPath: path))
                try file.seek(toOffset: 100)
                try file.write(contentsOf: Data(repeating: 0xff, count: 64))
            }
            let text = "state.sqlite\(ending) was " + (how == "cut" ? "cut short" : "written to")
            for _ in 0..<2 {
                let error = try refusal { try store.write(insert) }
                #expect(error.code == .unavailable && error.message.contains(text), "\(error)")
            }
            #expect(store.fault?.hint.contains("restore a backup") == true)
            if how == "cut" { #expect(truncate(path, Int(size)) == 0) }
            #expect(store.fault != nil, "what was lost does not come back with the length")
        }
        guard how == "touched" else { return }
        let store = try Store(directory: directory.path)
        try store.write(insert)
        #expect(try store.read { try Int.fetchOne($0, sql: "SELECT count(*) FROM intents") } == 4)
    }

    @Test(
        "anything that is not dtad's in the place of a file or folder of the state is neither used nor changed",
        arguments: ["lock", "state.sqlite", "state.sqlite-wal", "audit", "segments"],
        ["link", "folder", "pipe", "file"])
    func strange(name: String, what: String) throws {
        let isFolder = ["audit", "segments"].contains(name)
        guard what != (isFolder ? "folder" : "file") else { return }
        let place = directory.file(name)
        let target = directory.file("target")
        switch what {
        case "link":
            #expect(mkdir(target, 0o700) == 0)
            try directory.write("target/precious", "content")
            symlink(isFolder ? target : target + "/precious", place)
        case "folder": #expect(mkdir(place, 0o700) == 0)
        case "pipe": #expect(mkfifo(place, 0o600) == 0)
        default: try directory.write(name, "")
        }
        let error = try refusal {
            let state = try StateDirectory(directory.path)
            _ = try Store(directory: state.path)
            _ = try AuditLog(directory: state.path)
            _ = try SegmentDirectory(state: state.path).sweep(named: [])
        }
        #expect(error.code == .failedPrecondition && error.message.contains(place), "\(error)")
        if what == "link" {
            #expect(try String(contentsOfFile: target + "/precious", encoding: .utf8) == "content")
        }
    }

    @Test("a file without a name of dtad's among those of large bodies stays, and does not stand in the way of a start")
    func lostAndFound() throws {
        let segments = try SegmentDirectory(state: directory.path)
        let (id, other) = (String(repeating: "0a", count: 16), String(repeating: "ff", count: 16))
        #expect(mkdir(segments.path + "/lost+found", 0o700) == 0)
        for name in [id, other, other + ".partial", "README", "0a1b"] { try directory.write("segments/" + name, "x") }
        let folder = String(repeating: "12", count: 16)
        #expect(mkdir(segments.path + "/" + folder, 0o700) == 0)
        let swept = try segments.sweep(named: [id])
        #expect(swept.removed == 2 && swept.obstacles.count == 1 && swept.obstacles.first?.contains(folder) == true)
        #expect(rmdir(segments.path + "/" + folder) == 0)
        let left = try FileManager.default.contentsOfDirectory(atPath: segments.path).sorted()
        #expect(left == [id, "0a1b", "README", "lost+found"].sorted())
    }

    @Test("a file that is no database is DATA_LOSS with a sentence")
    func noDatabase() throws {
        try directory.write("state.sqlite", String(repeating: "this is not SQLite. ", count: 500))
        let error = try refusal { _ = try Store(directory: directory.path) }
        #expect(error.code == .dataLoss && error.message.contains("is damaged") && !error.hint.isEmpty)
    }

    @Test("a damaged database is DATA_LOSS when it is opened")
    func damaged() throws {
        do {
            let queue = try DatabaseQueue(path: directory.file("state.sqlite"))
            try StoreMigrations.migrator.migrate(queue)
            try queue.write { database in
                for number in 0..<500 {
                    try database.execute(
                        sql: """
                            INSERT INTO keys (name, type, owner_uid, owner_name, object, created, public_key)
                            VALUES (?, 2, 1000, 'alice', ?, 1, ?)
                            """,
                        arguments: [
                            "key\(number)", withUnsafeBytes(of: (number, number)) { Data($0) }, Data(count: 65),
                        ])
                }
            }
        }
        let path = directory.file("state.sqlite")
        var bytes = Array(try Data(contentsOf: URL(fileURLWithPath: path)))
        for at in stride(from: 8192, to: bytes.count, by: 7) { bytes[at] = ~bytes[at] }
        try directory.write("state.sqlite", bytes)
        #expect(code { _ = try Store(directory: directory.path) } == .dataLoss)
    }

    @Test("on a full disk the store changes nothing, the error says so, and it goes on by itself")
    func fullDisk() throws {
        guard let small = try SmallDisk(kilobytes: 1024, at: directory.file("small")) else { return }
        let host = try Host(small.path)
        let block = [UInt8](repeating: 7, count: 20_000)
        var stored = 0
        let error = try refusal {
            while true {
                _ = try host.core.ledger.put(alice, data: block + [UInt8(stored)], contentType: "")
                stored += 1
            }
        }
        #expect([.resourceExhausted, .unavailable].contains(error.code), "\(error)")
        #expect(error.message.contains("state.sqlite"))
        #expect(try host.core.ledger.list(count: 0, cursor: "").items.count == stored)
        try small.resize(kilobytes: 4096)
        _ = try host.core.ledger.put(alice, data: block + [255], contentType: "")
        #expect(try host.core.ledger.list(count: 0, cursor: "").items.count == stored + 1)
    }

    @Test("two agents cannot run on one state directory")
    func lock() throws {
        let first = try StateDirectory(directory.path)
        let error = try refusal { _ = try StateDirectory(directory.path) }
        #expect(error.code == .failedPrecondition && error.message.contains("another dtad"))
        withExtendedLifetime(first) {}
    }

    @Test("a state directory that others may write to is refused")
    func writable() throws {
        chmod(directory.path, 0o770)
        #expect(code { _ = try StateDirectory(directory.path) } == .failedPrecondition)
        #expect(code { _ = try StateDirectory(directory.file("nowhere")) } == .notFound)
    }
}
