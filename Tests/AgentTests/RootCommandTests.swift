import AgentProtocol
import DTASystem
import Foundation
import TestSupport
import Testing

/// What root does in a state directory that is the front's: a front that was taken over may have put anything there.
@Suite(
    "A command that root runs on another user's state", .ownThread, .enabled(if: OtherUser.arePossible, "it needs root")
)
struct RootCommandTests {
    /// Nobody here, as the front's user is nobody for the rest of the host.
    private static let front: uid_t = 65_001
    private static let secret = "only root may read this"

    private let agent: TestAgent
    private let place: TemporaryDirectory

    init() throws {
        agent = try TestAgent()
        _ = try agent.client().call(.createKey("k", type: .p256))
        agent.stop()
        place = agent.directory
        chmod(place.path, 0o711)
        try place.write("secret", Self.secret)
        try give(agent.state)
    }

    private func dtad(_ arguments: [String]) throws -> Finished { try run(try Binary.path("dtad"), arguments) }
    private func backup() throws -> Finished {
        try dtad(["backup", place.file("b.tar"), "--config", agent.configuration])
    }

    private func give(_ path: String) throws {
        #expect(try run("chown", ["-hR", "\(Self.front):\(Self.front)", path]).status == 0)
    }

    private func uids(_ path: String) throws -> Set<uid_t> {
        let found = try run("find", [path, "-printf", "%U\n"]).text
        return Set(found.split(separator: "\n").compactMap { uid_t($0) })
    }

    /// Has the ledger name the file of a large body.
    private func nameSegment() throws {
        let row = """
            INSERT INTO blocks (cid, bytes, size, kind, stored, owner_uid, owner_name, segment, segment_offset)
            VALUES (x'01', x'', 1, 'raw', 1, 0, 'root', '0a1b', 0);
            """
        let made = try run(
            "/usr/bin/python3",
            ["-c", "import sqlite3,sys; c=sqlite3.connect(sys.argv[1]); c.execute(sys.argv[2]); c.commit()"]
                + [agent.state + "/state.sqlite", row])
        #expect(made.status == 0, "\(made.errors)")
        mkdir(agent.state + "/segments", 0o700)
        try give(agent.state)
    }

    /// What a front puts into its directory; `$S` is the state, `$R` a file that root alone may read.
    static let traps: [(String, String)] = [
        ("a link in the place of a body", "ln -s $R $S/segments/0a1b"),
        ("a second name of another file", "ln $R $S/segments/0a1b"),
        ("a second name of a file of its own", "echo x >$S/own; ln $S/own $S/segments/0a1b; chown -R 65001 $S"),
        ("a file of another user", "cp $R $S/segments/0a1b; chown 0 $S/segments/0a1b"),
        ("a pipe", "mkfifo $S/segments/0a1b; chown 65001 $S/segments/0a1b"),
        ("a directory", "mkdir $S/segments/0a1b; chown 65001 $S/segments/0a1b"),
        ("a link in the place of all bodies", "rmdir $S/segments; mkdir $S.d; cp $R $S.d/0a1b; ln -s $S.d $S/segments"),
        ("another user's folder of bodies", "cp $R $S/segments/0a1b; chown -R 0 $S/segments"),
        ("a link in the place of the log", "f=$(echo $S/audit/*); rm $f; ln -s $R $f"),
        ("a second name in the log", "f=$(echo $S/audit/*); ln $f $S/name"),
        ("a pipe in the log", "mkfifo $S/audit/audit-000000000009.jsonl; chown 65001 $S/audit/*9.jsonl"),
        ("a link in the place of the log's folder", "mv $S/audit $S.d; ln -s $S.d $S/audit"),
        ("a link in the place of the database", "mv $S/state.sqlite $S.db; ln -s $S.db $S/state.sqlite"),
        ("a second name of the database", "ln $S/state.sqlite $S.db"),
        ("a link in the place of the write-ahead log", "rm -f $S/state.sqlite-wal; ln -s $R $S/state.sqlite-wal"),
        ("a link in the place of the shared memory", "rm -f $S/state.sqlite-shm; ln -s $R $S/state.sqlite-shm"),
        ("a pipe in the place of a journal", "mkfifo $S/state.sqlite-journal; chown 65001 $S/state.sqlite-journal"),
        ("a link in the place of the backup's work", "ln -s /tmp $S/backup.partial; chown -h 65001 $S/backup.partial"),
        ("a link in the place of the state", "mv $S $S.d; ln -s $S.d $S"),
        ("a folder that everybody may write", "chmod 777 $(dirname $S)"),
    ]

    @Test(
        "a command that root runs on another user's state takes nothing out that the state's owner could not read, and nothing that dtad did not put there",
        arguments: Self.traps)
    func takesNothing(_ what: String, _ trap: String) throws {
        try nameSegment()
        let set = try run(
            "/bin/sh", ["-ec", trap], environment: ["S": agent.state, "R": place.file("secret")])
        #expect(set.status == 0, "\(set.errors)")
        let made = try backup()
        #expect(made.status == 1, "\(what): \(made.text)")
        #expect(made.errors.hasPrefix("dtad: "), "\(made.errors)")
        #expect(!FileManager.default.fileExists(atPath: place.file("b.tar")))
        #expect(!FileManager.default.fileExists(atPath: place.file("b.tar.partial")))
        #expect(!(made.text + made.errors).contains(Self.secret))
        #expect(try String(contentsOfFile: place.file("secret"), encoding: .utf8) == Self.secret)
    }

    @Test(
        "a command that root runs on another user's state writes the backup where root wants it, restores it for the owner, and leaves nothing of root's in the state"
    )
    func works() throws {
        mkdir(place.file("private"), 0o700)
        let file = place.file("private/b.tar")
        let made = try dtad(["backup", file, "--config", agent.configuration])
        #expect(made.status == 0, "\(made.errors)")
        let attributes = try FileManager.default.attributesOfItem(atPath: file)
        #expect(attributes[.ownerAccountID] as? Int == 0 && attributes[.posixPermissions] as? Int == 0o600)
        #expect(try uids(agent.state) == [Self.front])
        #expect(!FileManager.default.fileExists(atPath: agent.state + "/backup.partial"))

        // Into a directory that is there and the front's.
        let target = place.file("restored")
        mkdir(target, 0o700)
        try give(target)
        let restored = try dtad(["restore", file, "--state", target])
        #expect(restored.status == 0, "\(restored.errors)")
        #expect(try uids(target) == [Self.front])
        #expect(FileManager.default.fileExists(atPath: target + "/state.sqlite"))
    }

    @Test("a check that root runs on another user's state is done as its owner, and makes no file of root's there")
    func checks() throws {
        unlink(agent.state + "/hsm.lock")
        let checked = try dtad(["check", "--config", agent.configuration])
        #expect(checked.status == 0, "\(checked.text)\(checked.errors)")
        #expect(try uids(agent.state) == [Self.front])
        // Root could read this one; its owner cannot.
        chown(agent.state + "/hsm-pin", 0, 0)
        let closed = try dtad(["check", "--config", agent.configuration])
        #expect(closed.status == 1 && closed.text.contains("Permission denied"), "\(closed.text)")
    }

    @Test(
        "a command that root runs on another user's state does not look at a database that is a link, or that has another name",
        arguments: ["mv $S/state.sqlite $S.db; ln -s $S.db $S/state.sqlite", "ln $S/state.sqlite $S.db"])
    func checksNoLink(trap: String) throws {
        #expect(try run("/bin/sh", ["-ec", trap], environment: ["S": agent.state]).status == 0)
        let checked = try dtad(["check", "--config", agent.configuration])
        #expect(checked.status == 1 && checked.text.contains("dtad did not put it there"), "\(checked.text)")
    }

    @Test(
        "a restoration that root runs goes into no directory that is a link, or that is reached by one",
        arguments: [
            "mkdir $T.d; ln -s $T.d $T", "mkdir $T.d; ln -s $T.d $T.partial", "mkdir -m 777 $T.partial",
            "echo x >$T.partial", "chmod 777 $(dirname $T)",
        ])
    func restoresNoLink(trap: String) throws {
        let file = place.file("b.tar")
        #expect(try backup().status == 0)
        let target = place.file("new")
        #expect(try run("/bin/sh", ["-ec", trap], environment: ["T": target]).status == 0)
        let restored = try dtad(["restore", file, "--state", target])
        #expect(restored.status == 1, "\(restored.text)")
        #expect(try run("find", [place.path, "-path", "*new*", "-name", "state.sqlite"]).text.isEmpty)
    }

    @Test("root does not restore a state, and backs none up, by a way on which a third user could put something else")
    func foreignWay() throws {
        let file = place.file("b.tar")
        #expect(try backup().status == 0)
        let text = try String(contentsOfFile: agent.configuration, encoding: .utf8)
        for script in ["ln -s .. $T/way", "mkdir $T/way", "mkdir $T/x; ln -s $T/x/../.. $T/way"] {
            let theirs = place.file("theirs")
            let made = try run(
                "/bin/sh", ["-ec", "rm -rf $T; mkdir $T; chown 33 $T; \(script); chown -h 33 $T/* "],
                environment: ["T": theirs])
            #expect(made.status == 0, "\(made.errors)")
            let before = try run("find", [place.path]).text
            let restored = try dtad(["restore", file, "--state", theirs + "/way/new"])
            #expect(restored.status == 1 && restored.errors.contains("belongs to"), "\(script): \(restored.errors)")
            #expect(try run("find", [place.path]).text == before)
            let other = text.replacing("state: \"\(agent.state)\"", with: "state: \"\(theirs)/way/state\"")
            let configuration = try place.write("other.yaml", other, mode: 0o644)
            mkdir(theirs + "/way/state", 0o700)
            let copied = try dtad(["backup", place.file("c.tar"), "--config", configuration])
            #expect(copied.status == 1 && copied.errors.contains("belongs to"), "\(script): \(copied.errors)")
        }
    }

    @Test("root restores a state into a folder of its owner's with the rights of that owner alone")
    func ownersFolder() throws {
        let file = place.file("b.tar")
        #expect(try backup().status == 0)
        let home = place.file("home")
        mkdir(home, 0o755)
        mkdir(home + "/new", 0o700)
        try give(home)
        #expect(try dtad(["restore", file, "--state", home + "/new"]).status == 0)
        #expect(try uids(home) == [Self.front])
        #expect(try run("find", [home, "-maxdepth", "2", "-printf", "%P "]).text.contains("new/state.sqlite"))
        // A link of the owner's leads to where root may write, and the owner may not.
        mkdir(home + "/new2", 0o700)
        mkdir(place.file("roots"), 0o755)
        mkdir(place.file("roots/state"), 0o700)
        symlink(place.file("roots"), home + "/link")
        try give(home)
        try give(place.file("roots/state"))
        let restored = try dtad(["restore", file, "--state", home + "/link/state"])
        #expect(restored.status == 1 && restored.errors.contains("Permission denied"), "\(restored.errors)")
        #expect(try FileManager.default.contentsOfDirectory(atPath: place.file("roots")) == ["state"])
    }

    @Test("a command that root runs on another user's state is refused where it would run the agent")
    func runs() throws {
        let ended = try dtad(["run", "--config", agent.configuration, "--socket", place.file("x.sock")])
        #expect(ended.status == 78 && ended.errors.contains("run dtad as the owner of its state"), "\(ended.errors)")
        #expect(try uids(agent.state) == [Self.front])
    }

    @Test("a command that root runs on another user's state changes the PIN as the owner, whose file it is")
    func changesPIN() throws {
        let changed = try dtad(["pin", "change", "--config", agent.configuration])
        #expect(changed.status == 0, "\(changed.errors)")
        #expect(try uids(agent.state) == [Self.front])
        #expect(try dtad(["check", "--config", agent.configuration]).status == 0)
    }
}
