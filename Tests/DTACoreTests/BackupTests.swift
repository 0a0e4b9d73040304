import Crypto
import DTASystem
import Foundation
import GRDB
import TestSupport
import Testing

@testable import DTAAgent
@testable import DTACore
@testable import DTALedger
@testable import DTAMaintenance

@Suite("A backup")
struct BackupTests {
    private let directory: TemporaryDirectory
    private let host: Host
    private let cid: String

    init() throws {
        directory = try TemporaryDirectory()
        host = try Host()
        _ = try host.identity("alice")
        try host.key("k")
        cid = "\(try host.core.ledger.put(alice, data: Array("a block".utf8), contentType: ""))"
        try host.core.audit.append(event: "something happened")
    }

    private var file: String { directory.file("backup.tar") }
    private var target: String { directory.file("restored") }

    @discardableResult
    private func backup(replacing: Bool = false) throws -> Backup.Summary {
        try Backup(state: host.path, token: "dta").write(to: file, replacing: replacing)
    }

    private func restore(_ bytes: [UInt8]) throws {
        try directory.write("changed.tar", bytes)
        defer { try? FileManager.default.removeItem(atPath: target) }
        _ = try Restoration(backup: directory.file("changed.tar"), state: target).carryOut()
    }

    private func names(_ path: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: path).sorted()
    }

    @Test("a backup brings back keys, identities, blocks and the audit log, while the agent it was made of goes on")
    func roundTrip() throws {
        let made = try backup()
        #expect(try names(directory.path) == ["backup.tar"])
        let summary = try Restoration(backup: file, state: target).carryOut(fingerprint: made.fingerprint)
        #expect(summary.token == "dta")
        #expect(try names(target) == ["audit", "state.sqlite"])
        try FileManager.default.copyItem(atPath: host.path + "/token", toPath: target + "/token")

        let again = try Host(target)
        try again.core.recover(again.custodian)
        #expect(try again.core.ledger.get(cid).bytes == Array("a block".utf8))
        #expect(again.core.keys.count == 1)
        #expect(try again.core.verifyAudit(root).isSound)
        let lines = try again.core.audit.list(root, count: 10, cursor: "").items
        #expect(lines.contains { $0.contains("something happened") })
        #expect(lines.contains { $0.contains("restored from a backup") && $0.contains(made.fingerprint) })
    }

    @Test(
        "a backup is a tar archive that other programs read, with a manifest that sha256sum checks, for its owner alone"
    )
    func otherPrograms() throws {
        try backup()
        let unpacked = directory.file("unpacked")
        try FileManager.default.createDirectory(atPath: unpacked, withIntermediateDirectories: true)
        let tar = try run("tar", ["-C", unpacked, "-xvf", file])
        #expect(tar.status == 0, "\(tar.errors)")
        #expect(tar.text.hasPrefix("MANIFEST\nstate.sqlite\naudit/"))
        let checked = try run("sh", ["-c", "cd \(unpacked) && sha256sum --strict --check MANIFEST"])
        #expect(checked.status == 0, "\(checked.text)\(checked.errors)")
        let mode = try FileManager.default.attributesOfItem(atPath: file)[.posixPermissions] as? Int
        #expect(mode == 0o600)
    }

    @Test("a backup never takes the place of a device, a pipe, a socket, a directory or a link, whatever it is told")
    func noFile() throws {
        let other = try directory.write("other", "something else")
        let makings: [(fault: String, make: () -> Int32)] = [
            ("is a directory", { mkdir(file, 0o700) }), ("is a pipe", { mkfifo(file, 0o600) }),
            ("is a symbolic link", { symlink(other, file) }),
            ("is a socket", { mknod(file, S_IFSOCK | 0o600, 0) }),
            // The numbers of /dev/null; it takes root to make one.
            ("is a device", { mknod(file, S_IFCHR | 0o600, 1 << 8 | 3) }),
        ]
        for (fault, make) in makings where make() == 0 {
            var before = stat()
            lstat(file, &before)
            let refused = try refusal { try backup(replacing: true) }
            #expect(refused.code == .failedPrecondition && refused.message.contains(fault), "\(refused)")
            var after = stat()
            lstat(file, &after)
            #expect(after.st_ino == before.st_ino && after.st_mode == before.st_mode)
            #expect(remove(file) == 0)
        }
        #expect(try String(contentsOfFile: other, encoding: .utf8) == "something else")
    }

    @Test("a backup replaces no file unless it is told to")
    func existing() throws {
        try directory.write("backup.tar", "something else")
        #expect(code { try backup() } == .failedPrecondition)
        #expect(try String(contentsOfFile: file, encoding: .utf8) == "something else")
        try backup(replacing: true)
        _ = try Restoration(backup: file, state: target).carryOut()
    }

    @Test("a backup with any of its bytes changed restores nothing")
    func damaged() throws {
        try backup()
        let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: file)))
        let manifest = Array(0..<1100)
        for offset in manifest + stride(from: 1100, to: bytes.count, by: bytes.count / 150 | 1) {
            var changed = bytes
            changed[offset] ^= 1 << UInt8(offset % 8)
            let why = code { try restore(changed) }
            // Another digit in the first line makes it a backup of another version.
            #expect([.dataLoss, .invalidArgument, .failedPrecondition].contains(why), "byte \(offset)")
        }
        #expect(try names(directory.path) == ["backup.tar", "changed.tar"])
    }

    @Test("a backup that is cut short, or longer than it was, restores nothing")
    func truncated() throws {
        try backup()
        let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: file)))
        for length in [0, 1, 511, 512, 513, 1024, bytes.count / 2, bytes.count - 1025, bytes.count - 1] {
            #expect(code { try restore(Array(bytes[..<length])) } != nil, "\(length) bytes")
        }
        #expect(code { try restore(bytes + [0]) } == .dataLoss)
        #expect(code { try restore(bytes + bytes) } == .dataLoss)
        try restore(bytes)
    }

    @Test(
        "a backup leads nowhere but into the state directory",
        arguments: [
            "../evil", "/etc/evil", "audit/../../evil", "audit/audit-1.jsonl", "segments/..", "segments/a/b",
            "segments/x.partial", "tokens/x", "hsm-pin", "lock", "segments/.x", "", "audit/",
        ])
    func paths(name: String) throws {
        var manifest = BackupManifest(made: 1, version: "0", token: "dta", names: ["state.sqlite", name])
        manifest.entries[1].hash = [UInt8](repeating: 7, count: 32)
        let head = TarHeader(name: "MANIFEST", length: manifest.bytes.count, modified: 1).bytes
        let padding = [UInt8](repeating: 0, count: TarHeader.padding(after: manifest.bytes.count))
        #expect(code { try restore(head + manifest.bytes + padding) } == .dataLoss)
        #expect(!BackupManifest.isAllowed(name))
    }

    @Test(
        "a backup with numbers that no backup has is refused", arguments: ["-1000000000", "-7777777777", "+7777777777"])
    func numbers(length: String) throws {
        // A header that is right in all but this number, its sum included.
        var header = TarHeader(name: "MANIFEST", length: 0, modified: 1).bytes
        header.replaceSubrange(124..<135, with: length.utf8)
        header.replaceSubrange(148..<156, with: "        ".utf8)
        let sum = String(header.reduce(0) { $0 + Int($1) }, radix: 8)
        let padded = String(repeating: "0", count: 6 - sum.utf8.count) + sum
        header.replaceSubrange(148..<156, with: Array(padded.utf8) + [0, UInt8(ascii: " ")])
        #expect(TarHeader(header) == nil)
        #expect(code { try restore(header) } == .invalidArgument)

        for made in [Int64.min, -1, 1 << 40, .max] {
            let manifest = BackupManifest(made: made, version: "0", token: "dta", names: ["state.sqlite"])
            #expect(code { _ = try BackupManifest(manifest.bytes) } == .dataLoss, "\(made)")
        }
    }

    @Test("a backup says nothing that a terminal would obey")
    func words() throws {
        let token = "dta\u{1b}]0;evil\u{7}\u{202e}"
        let made = BackupManifest(made: 1, version: "0", token: token, names: ["state.sqlite"])
        #expect(try BackupManifest(made.bytes).token == "dta]0;evil")
        // One that somebody else made, whose sum is right.
        let text = String(decoding: made.bytes, as: UTF8.self).replacing("dta]0;evil", with: token)
        let lines = text.split(separator: "\n").dropLast().map { $0 + "\n" }.joined()
        let sum = hex(SHA256.hash(data: Data(lines.utf8)))
        #expect(code { _ = try BackupManifest(Array("\(lines)# sum \(sum)\n".utf8)) } == .dataLoss)
    }

    @Test("a backup that tar wrote with links in it is refused")
    func links() throws {
        try directory.write("MANIFEST", "# dtad backup 1\n")
        symlink("/etc/passwd", directory.file("state.sqlite"))
        let made = try run("tar", ["-C", directory.path, "-cf", file, "MANIFEST", "state.sqlite"])
        #expect(made.status == 0)
        #expect(code { _ = try Restoration(backup: file, state: target).carryOut() } == .invalidArgument)
    }

    @Test("a backup is not restored where its fingerprint is another one than was asked for")
    func fingerprint() throws {
        let made = try backup()
        let other = String(made.fingerprint.reversed())
        #expect(
            code { _ = try Restoration(backup: file, state: target).carryOut(fingerprint: other) } == .dataLoss)
        #expect(!FileManager.default.fileExists(atPath: target))
    }

    @Test("a backup is restored to an empty directory, never over anything")
    func occupied() throws {
        try backup()
        let busy = try refusal { _ = try Restoration(backup: file, state: host.path).carryOut() }
        #expect(busy.code == .failedPrecondition && busy.message.contains("already"))
        let other = directory.file("other")
        try FileManager.default.createDirectory(atPath: other, withIntermediateDirectories: false)
        _ = try Restoration(backup: file, state: other).carryOut()
        #expect(try names(other) == ["audit", "state.sqlite"])
        #expect(code { _ = try Restoration(backup: file, state: other).carryOut() } == .failedPrecondition)
    }

    @Test("a backup on a disk that is full leaves nothing behind, and says that there is no room")
    func fullDisk() throws {
        guard let small = try SmallDisk(kilobytes: 64, at: directory.file("small")) else { return }
        let path = small.path + "/backup.tar"
        let full = try refusal { _ = try Backup(state: host.path, token: "").write(to: path, replacing: false) }
        #expect(full.code == .resourceExhausted, "\(full)")
        #expect(try names(small.path).isEmpty)

        try backup()
        let restored = try refusal { _ = try Restoration(backup: file, state: small.path + "/state").carryOut() }
        #expect(restored.code == .resourceExhausted, "\(restored)")
        #expect(try names(small.path).isEmpty)
    }

    @Test("a backup takes the bodies of large envelopes that the ledger names, and not those that are being written")
    func bodies() throws {
        let segments = host.path + "/segments"
        try name(segment: "0a1b")
        try FileManager.default.createDirectory(atPath: segments, withIntermediateDirectories: true)
        let body = [UInt8](repeating: 9, count: 3 << 20 | 5)
        #expect(FileManager.default.createFile(atPath: segments + "/0a1b", contents: Data(body)))
        #expect(FileManager.default.createFile(atPath: segments + "/ffff.partial", contents: Data(body)))
        #expect(try backup().bodies == 1)
        _ = try Restoration(backup: file, state: target).carryOut()
        #expect(try names(target + "/segments") == ["0a1b"])
        #expect(try Data(contentsOf: URL(fileURLWithPath: target + "/segments/0a1b")) == Data(body))
    }

    /// Puts a block into the ledger that is in a segment.
    private func name(segment: String?) throws {
        let queue = try DatabaseQueue(path: host.path + "/state.sqlite")
        try queue.write { database in
            try database.execute(
                sql: """
                    INSERT INTO blocks (cid, bytes, size, kind, stored, owner_uid, owner_name, segment, segment_offset)
                    VALUES (x'01', x'', 5, 'block', 1, 1000, 'alice', ?, 0)
                    ON CONFLICT (cid) DO UPDATE SET segment = excluded.segment
                    """, arguments: [segment])
        }
    }

    @Test("a backup is put together in the directory that was opened, whatever its path leads to later")
    func swapped() throws {
        let files = FileManager.default
        let (theirs, victim) = (directory.file("theirs"), directory.file("victim"))
        for path in [theirs, victim, victim + "/b.tar.partial", victim + "/b.tar.partial/audit"] {
            try files.createDirectory(atPath: path, withIntermediateDirectories: false)
        }
        try directory.write("victim/b.tar.partial/keep", "kept")
        let staging = try StagingDirectory(beside: theirs + "/b.tar")
        #expect(rename(theirs, directory.file("moved")) == 0 && symlink(victim, theirs) == 0)
        try staging.makeFolder("audit")
        for name in ["audit/x", "b"] {
            try staging.make(name).write(Array("bytes".utf8)[...])
            #expect(try staging.read(name).length() == 5)
        }
        try staging.sync()
        #expect(try staging.publish("b", as: theirs + "/b.tar", replacing: false))
        #expect(try !staging.publish("b", as: theirs + "/b.tar", replacing: false))
        staging.remove()
        #expect(try names(directory.file("moved")) == ["b.tar"])
        #expect(try names(victim) == ["b.tar.partial"])
        #expect(try names(victim + "/b.tar.partial") == ["audit", "keep"])
    }

    @Test("a backup is restored in the directory that was opened, whatever its path leads to later")
    func swappedTarget() throws {
        let (theirs, victim) = (directory.file("theirs"), directory.file("victim"))
        for path in [theirs, victim, victim + "/new.partial"] {
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
        }
        let staging = try StagingDirectory(beside: theirs + "/new", in: StagingDirectory.parent(of: theirs + "/new"))
        #expect(rename(theirs, directory.file("moved")) == 0 && symlink(victim, theirs) == 0)
        #expect(staging.become(theirs + "/new") == 0)
        #expect(try names(directory.file("moved")) == ["new"])
        #expect(try names(victim) == ["new.partial"])
    }

    @Test("a backup removes what a crash left, and follows no link that is in it")
    func leftovers() throws {
        let partial = file + ".partial"
        try FileManager.default.createDirectory(atPath: partial + "/a/b", withIntermediateDirectories: true)
        chmod(partial, 0o700)
        let kept = try directory.write("kept", "kept")
        try FileManager.default.createDirectory(atPath: directory.file("d"), withIntermediateDirectories: false)
        try directory.write("d/kept", "kept")
        symlink(kept, partial + "/file")
        symlink(directory.file("d"), partial + "/a/b/folder")
        try backup()
        #expect(try names(directory.path) == ["backup.tar", "d", "kept"])
        #expect(try names(directory.file("d")) == ["kept"])
        for name in ["", "d/", "d/.", "d/.."] {
            let wrong = try refusal {
                _ = try Backup(state: host.path, token: "").write(to: directory.file(name), replacing: true)
            }
            #expect(wrong.code == .invalidArgument, "\(name): \(wrong)")
        }
    }

    @Test("a backup notices that room was made in a large body after the database was copied")
    func overtaken() throws {
        try name(segment: "0a1b")
        let copy = directory.file("copy.sqlite")
        try StateSnapshot.copy(stateDirectory: host.path, to: copy)
        #expect(try StateSnapshot.segments(of: copy) == ["0a1b"])
        #expect(try !StateSnapshot.hasLostBlocks(stateDirectory: host.path, since: copy))
        try name(segment: nil)
        #expect(try StateSnapshot.hasLostBlocks(stateDirectory: host.path, since: copy))
    }

    @Test("a backup is not made where a large body is missing")
    func missingBody() throws {
        try name(segment: "0a1b")
        let missing = try refusal { try backup() }
        #expect(missing.code == .dataLoss && missing.message.contains("0a1b"))
    }

    @Test("a backup names files of more than 8 GiB as GNU tar does")
    func largeFiles() throws {
        for length in [0, 1, 1 << 33 - 1, 1 << 33, 5 << 40] {
            let header = TarHeader(name: "segments/a", length: length, modified: 1_763_827_200)
            #expect(TarHeader(header.bytes) == header)
            // tar's own listing of the header, cut off before the file itself.
            let path = try directory.write("header.tar", header.bytes)
            let listed = try run("tar", ["-tvf", path])
            #expect(listed.text.contains(" \(length) "), "\(listed.text)\(listed.errors)")
        }
    }
}
