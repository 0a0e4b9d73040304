import AgentProtocol
import DTASystem
import Foundation
import TestSupport
import Testing

@Suite("dtad pin change", .ownThread)
struct PINChangeTests {
    private let agent: TestAgent

    init() throws { agent = try TestAgent(starting: false) }

    private var file: String { agent.state + "/hsm-pin" }
    private var pending: String { file + ".new" }

    private func change(_ more: [String] = []) throws -> Finished {
        try run(try Binary.path("dtad"), ["pin", "change", "--config", agent.configuration] + more)
    }

    private func pin(_ path: String) throws -> String {
        try String(contentsOfFile: path, encoding: .utf8).trimmingCharacters(in: .newlines)
    }

    private func check() throws -> Finished {
        try run(try Binary.path("dtad"), ["check", "--config", agent.configuration])
    }

    /// Sets the token's PIN with somebody else's program.
    private func setTokenPIN(from old: String, to new: String) throws {
        let set = try run(
            "pkcs11-tool",
            [
                "--module", TestToken.module, "--token-label", "dta", "--login", "--pin", "env:OLD", "--new-pin",
                "env:NEW",
                "--change-pin",
            ],
            environment: ["SOFTHSM2_CONF": agent.state + "/softhsm2.conf", "OLD": old, "NEW": new])
        #expect(set.status == 0, "\(set.errors)")
    }

    /// How many log-ins the token refused, as dtad-hsm tells each.
    private func refusals(_ finished: Finished) -> Int {
        finished.errors.components(separatedBy: "refused the PIN").count - 1
    }

    @Test(
        "dtad pin change gives the token a random PIN of 32 characters while the agent goes on, and after its restart")
    func running() throws {
        try agent.start()
        _ = try agent.client().call(.createKey("k", type: .p256))
        let before = try pin(file)
        let changed = try change()
        #expect(changed.status == 0, "\(changed.errors)")
        let after = try pin(file)
        #expect(after != before && after.utf8.count == 32)
        #expect(!changed.text.contains(after) && !changed.text.contains(before))
        let mode = try FileManager.default.attributesOfItem(atPath: file)[.posixPermissions] as? Int
        #expect(mode == 0o600 && access(pending, F_OK) != 0)
        #expect(try agent.client().call(.sign(key: "k", message: [1])).data.count == 64)
        // Processes that are started from now on log in with the new one.
        for process in agent.custodians { kill(process, SIGTERM) }
        try agent.wait("new processes") { (try? agent.client().call(.sign(key: "k", message: [1]))) != nil }
        agent.stop()
        try agent.start()
        #expect(try agent.client().call(.sign(key: "k", message: [1])).data.count == 64)
        // Once more, from a PIN of 32 characters to another.
        #expect(try change().status == 0)
        #expect(try pin(file) != after)
    }

    @Test("dtad pin change takes a PIN of the administrator's choice", arguments: [4, 32, 255])
    func chosen(length: Int) throws {
        let chosen = String(String(repeating: "0123456789abcdef", count: 16).prefix(length))
        let from = try agent.directory.write("chosen", chosen + "\n")
        let changed = try change(["--pin-file", from])
        #expect(changed.status == 0, "\(changed.errors)")
        #expect(try pin(file) == chosen)
        #expect(try check().status == 0)
        let again = try change(["--pin-file", from])
        #expect(again.status == 1 && again.errors.contains("has this PIN already"))
    }

    @Test("dtad pin change refuses a PIN that the token does not take, or that others can read, and changes nothing")
    func unusable() throws {
        let before = try pin(file)
        let short = try change(["--pin-file", try agent.directory.write("short", "123\n")])
        #expect(short.status == 1 && short.errors.contains("4 to 255 characters"), "\(short.errors)")
        let open = try change(["--pin-file", try agent.directory.write("open", "12345678\n", mode: 0o644)])
        #expect(open.status == 1 && open.errors.contains("chmod 600"), "\(open.errors)")
        let two = try change(["--pin-file", try agent.directory.write("two", "12345678\n12345678\n")])
        #expect(two.status == 1 && two.errors.contains("one line"), "\(two.errors)")
        #expect(try pin(file) == before && access(pending, F_OK) != 0)
        #expect(try check().status == 0)
    }

    @Test("dtad pin change spends one attempt if the file has another PIN than the token, and leaves all as it was")
    func wrong() throws {
        try "not the PIN\n".write(toFile: file, atomically: false, encoding: .utf8)
        let refused = try change()
        #expect(refused.status == 1 && refusals(refused) == 1, "\(refused.errors)")
        #expect(refused.errors.contains("one attempt was spent"), "\(refused.errors)")
        #expect(try pin(file) == "not the PIN" && access(pending, F_OK) != 0)
    }

    @Test(
        "a dtad pin change that was stopped before it had written the new PIN costs no attempt, and the next run begins anew",
        arguments: ["", "abcdefgh"])
    func stoppedWhileWriting(written: String) throws {
        let before = try pin(file)
        try agent.directory.write("state/hsm-pin.new", written)
        try agent.directory.write("state/hsm-pin.new.draft", "abc")
        // An agent starts on the PIN that it has.
        if written.isEmpty { #expect(try check().status == 0) }
        let changed = try change()
        #expect(changed.status == 0 && refusals(changed) == 0, "\(changed.errors)")
        #expect(changed.text.contains("has a new PIN") && !changed.text.contains("interrupted"), "\(changed.text)")
        let after = try pin(file)
        #expect(after != before && after.utf8.count == 32)
        #expect(access(pending, F_OK) != 0 && access(pending + ".draft", F_OK) != 0)
        #expect(try check().status == 0)
    }

    @Test("dtad pin change leaves a pending file alone that it has not written", arguments: ["a\nb", "two\nlines\n"])
    func strangePending(text: String) throws {
        try agent.directory.write("state/hsm-pin.new", text)
        let refused = try change()
        #expect(refused.status == 1 && refused.errors.contains("in one line") && refusals(refused) == 0)
        #expect(try String(contentsOfFile: pending, encoding: .utf8) == text)
    }

    @Test("dtad pin change and dtad check say what lies in the place of a new PIN if it is no file, and leave it alone")
    func pendingIsNoFile() throws {
        let makings: [(fault: String, make: () -> Void)] = [
            ("is a directory", { mkdir(pending, 0o700) }), ("is a pipe", { mkfifo(pending, 0o600) }),
            ("is a symbolic link", { symlink(file, pending) }),
        ]
        for (fault, make) in makings {
            make()
            let refused = try change()
            #expect(refused.status == 1 && refused.errors.contains("\(pending) \(fault)"), "\(refused.errors)")
            #expect(refused.errors.contains("move it away") && !refused.errors.contains("chmod"))
            let checked = try check()
            #expect(checked.status == 1 && checked.text.contains(fault), "\(checked.text)")
            #expect(!checked.text.contains("dtad pin change finishes"), "\(checked.text)")
            #expect(remove(pending) == 0)
            #expect(try check().status == 0)
        }
    }

    @Test(
        "a dtad pin change that was stopped before the token had the new PIN is finished by the next run, without a wrong attempt"
    )
    func stoppedBefore() throws {
        try "another PIN of 32 characters ...\n".write(toFile: pending, atomically: false, encoding: .utf8)
        chmod(pending, 0o600)
        let finished = try change()
        #expect(finished.status == 0 && refusals(finished) == 0, "\(finished.errors)")
        #expect(finished.text.contains("that was interrupted"))
        #expect(try pin(file) == "another PIN of 32 characters ..." && access(pending, F_OK) != 0)
        #expect(try check().status == 0)
    }

    @Test(
        "a dtad pin change that was stopped after the token had the new PIN is finished by the next run, with one wrong attempt"
    )
    func stoppedAfter() throws {
        let new = "abcdefghijklmnopqrstuvwxyz012345"
        try setTokenPIN(from: try pin(file), to: new)
        try (new + "\n").write(toFile: pending, atomically: false, encoding: .utf8)
        chmod(pending, 0o600)
        let finished = try change()
        #expect(finished.status == 0 && refusals(finished) == 1, "\(finished.errors)")
        #expect(try pin(file) == new && access(pending, F_OK) != 0)
        #expect(try check().status == 0)
    }

    @Test("dtad pin change keeps both PINs where the token has neither, after one attempt with each")
    func neither() throws {
        try setTokenPIN(from: try pin(file), to: "somebody else's")
        try "new PIN\n".write(toFile: pending, atomically: false, encoding: .utf8)
        chmod(pending, 0o600)
        let refused = try change()
        #expect(refused.status == 1 && refusals(refused) == 2, "\(refused.errors)")
        #expect(try pin(pending) == "new PIN")
    }

    @Test("dtad pin change keeps dtad-hsm from trying a PIN while it is not known which one the token has")
    func pendingIsNotTried() throws {
        try "new PIN\n".write(toFile: pending, atomically: false, encoding: .utf8)
        let checked = try check()
        #expect(checked.status == 1 && checked.text.contains("is being changed"), "\(checked.text)")
        #expect(checked.text.contains("dtad pin change finishes"), "\(checked.text)")
        #expect(refusals(checked) == 0)
        unlink(pending)
        #expect(try check().status == 0)
    }

    @Test("a dtad pin change that is killed at any moment leaves a token that the next run opens")
    func killed() throws {
        for milliseconds in stride(from: 4, through: 200, by: 14) {
            let process = try Subprocess(
                try Binary.path("dtad"), ["pin", "change", "--config", agent.configuration], descriptors: [:])
            usleep(useconds_t(milliseconds * 1000))  // pause: the moment at which it is killed
            process.signal(SIGKILL)
            _ = process.wait()
            // A dtad-hsm that outlived it may be at work still; the token's lock makes the next one wait.
            let next = try change()
            #expect(next.status == 0 && refusals(next) <= 1, "after \(milliseconds) ms: \(next.errors)")
            #expect(access(pending, F_OK) != 0)
        }
        #expect(try check().status == 0)
    }
}
