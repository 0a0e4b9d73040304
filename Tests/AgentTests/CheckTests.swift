import AgentProtocol
import DTASystem
import Foundation
import Glibc
import TestSupport
import Testing

@Suite("dtad check", .ownThread)
struct CheckTests {
    private func check(_ agent: TestAgent) throws -> Finished {
        try run(try Binary.path("dtad"), ["check", "--config", agent.configuration])
    }

    /// An agent whose dtad-hsm loads a module that misbehaves as the test asks.
    private func tampered() throws -> (TestAgent, TamperedModule) {
        let agent = try TestAgent(starting: false)
        let module = try TamperedModule(in: agent.directory)
        let text = try String(contentsOfFile: agent.configuration, encoding: .utf8)
        try text.replacingOccurrences(of: TestToken.module, with: module.path)
            .write(toFile: agent.configuration, atomically: true, encoding: .utf8)
        return (agent, module)
    }

    @Test(
        "dtad check fails for each token on which dtad run ends; both name the mechanism, and neither says that the token is away",
        arguments: [
            (TamperedModule.Fault.hideGCM, "CKM_AES_GCM"), (.refuseGCM, "CKM_AES_GCM"),
            (.refuseX25519, "CKR_CURVE_NOT_SUPPORTED"), (.refuseEd25519, "CKM_EC_EDWARDS_KEY_PAIR_GEN"),
            (.hideEdwards, "CKM_EC_MONTGOMERY_KEY_PAIR_GEN"), (.failDerive, "X25519"),
            (.extractable, "CKA_EXTRACTABLE"), (.lieAboutEd25519, "public half"),
        ])
    func unfit(fault: TamperedModule.Fault, words: String) throws {
        let (agent, module) = try tampered()
        try module.set(fault)
        let checked = try check(agent)
        #expect(checked.status == 1, "\(checked.text)")
        #expect(checked.text.contains("FAIL") && checked.text.contains(words), "\(checked.text)")
        #expect(!checked.text.contains("is away") && !checked.text.contains("All is in order"))
        try agent.launch()
        #expect(agent.waitForEnd() != 0)
        #expect(agent.log.contains(words) && !agent.log.contains("is away"), "\(agent.log)")
        module.clear(fault)
        #expect(try check(agent).status == 0)
    }

    @Test("dtad check notes a key type that the token refuses, and dtad run goes without it")
    func refusedType() throws {
        let (agent, module) = try tampered()
        try module.set(.refuseSecp256k1)
        let checked = try check(agent)
        #expect(checked.status == 0, "\(checked.text)")
        #expect(checked.text.contains("note  mechanisms"), "\(checked.text)")
        #expect(checked.text.contains("for keys of type secp256k1: the token refuses what secp256k1 keys need"))
        #expect(checked.text.contains("it makes ed25519, p256, p384, hmac-sha256, aes256"))
        try agent.start()
        #expect(try agent.client().refusal(.createKey("k", type: .secp256K1)).code == .failedPrecondition)
        #expect(try agent.client().call(.createKey("k", type: .p256)).code == .ok)
    }

    @Test("dtad check names no option for a PIN that is nowhere, because it has none")
    func noPIN() throws {
        let agent = try TestAgent(starting: false)
        let text = try String(contentsOfFile: agent.configuration, encoding: .utf8)
        try text.split(separator: "\n").filter { !$0.contains("pin_file") }.joined(separator: "\n")
            .write(toFile: agent.configuration, atomically: true, encoding: .utf8)
        let checked = try check(agent)
        #expect(checked.status == 1 && checked.text.contains("set hsm.pin_file"), "\(checked.text)")
        #expect(!checked.text.contains("--"), "\(checked.text)")
        // This one has it.
        let bound = try run(
            try Binary.path("dtad-hsm"),
            [
                "--bind-order-keys", "--config", agent.configuration, "--input", agent.configuration, "--output",
                agent.directory.file("bound"),
            ])
        #expect(bound.status != 0 && bound.errors.contains("by --pin-file"), "\(bound.errors)")
    }

    @Test("dtad check changes nothing on the token or in the state, and does not disturb an agent that runs")
    func leavesNothing() throws {
        let agent = try TestAgent()
        let client = agent.client()
        _ = try client.call(.createKey("k", type: .p256))
        let before = try FileManager.default.subpathsOfDirectory(atPath: agent.tokens).filter {
            $0.hasSuffix(".object")
        }
        let files = try FileManager.default.subpathsOfDirectory(atPath: agent.state)
        let checked = try check(agent)
        #expect(checked.status == 0, "\(checked.text)")
        #expect(checked.text.contains("the one that the state belongs to"), "\(checked.text)")
        let after = try FileManager.default.subpathsOfDirectory(atPath: agent.tokens).filter { $0.hasSuffix(".object") }
        #expect(Set(after) == Set(before))
        #expect(Set(try FileManager.default.subpathsOfDirectory(atPath: agent.state)) == Set(files))
        #expect(try client.call(.sign(key: "k", message: [1])).data.count == 64)
        // Without a state, none is made.
        let fresh = try TestAgent(starting: false)
        #expect(try check(fresh).status == 0)
        #expect(!FileManager.default.fileExists(atPath: fresh.state + "/state.sqlite"))
    }

    @Test("dtad check compares the file that dtactl trusts with keys with the token")
    func imports() throws {
        let agent = try TestAgent(starting: false)
        let file = agent.state + "/import.pem"
        let sound = try check(agent)
        #expect(sound.status == 0 && sound.text.contains("ok    imports"), "\(sound.text)")
        #expect(sound.text.contains("\(file) is of this token"), "\(sound.text)")
        // Another token's.
        let other = try TestAgent(starting: false)
        let right = try String(contentsOfFile: file, encoding: .utf8)
        let wrong = try String(contentsOfFile: other.state + "/import.pem", encoding: .utf8)
        for (text, words) in [(wrong, "is not of this token"), ("nothing", "holds no public key")] {
            try text.write(toFile: file, atomically: false, encoding: .utf8)
            let checked = try check(agent)
            #expect(checked.status == 1 && checked.text.contains(words), "\(checked.text)")
            #expect(checked.text.contains("FAIL  imports"), "\(checked.text)")
        }
        try right.write(toFile: file, atomically: false, encoding: .utf8)
        chmod(file, 0o666)
        let open = try check(agent)
        #expect(open.status == 0 && open.text.contains("others could change \(file)"), "\(open.text)")
        unlink(file)
        let missing = try check(agent)
        #expect(missing.status == 0 && missing.text.contains("note  imports"), "\(missing.text)")
    }

    @Test("dtad check finds a database that is damaged")
    func damaged() throws {
        let agent = try TestAgent()
        for number in 0..<40 { _ = try agent.client().call(.createKey("key-\(number)", type: .hmacSha256)) }
        #expect(agent.stop() == 0)
        let broken = try run(
            "python3",
            [
                "-c",
                """
                import sqlite3, sys
                c = sqlite3.connect(sys.argv[1])
                c.execute("PRAGMA wal_checkpoint(TRUNCATE)")
                page = c.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'keys'").fetchone()[0]
                size = c.execute("PRAGMA page_size").fetchone()[0]
                c.close()
                with open(sys.argv[1], "r+b") as f:
                    f.seek((page - 1) * size)
                    f.write(b"\\xaa" * size)
                """,
                agent.state + "/state.sqlite",
            ])
        #expect(broken.status == 0, "\(broken.errors)")
        let checked = try check(agent)
        #expect(checked.status == 1, "\(checked.text)")
        #expect(checked.text.contains("is damaged"), "\(checked.text)")
    }

    @Test("dtad check names the SoftHSM configuration that is missing, and does not point to itself")
    func softhsmConfiguration() throws {
        let agent = try TestAgent(starting: false)
        let text = try String(contentsOfFile: agent.configuration, encoding: .utf8)
        try text.replacingOccurrences(of: agent.state + "/softhsm2.conf", with: "/nonexistent/softhsm_conf")
            .write(toFile: agent.configuration, atomically: true, encoding: .utf8)
        let checked = try check(agent)
        #expect(checked.status == 1)
        #expect(checked.text.contains("/nonexistent/softhsm_conf (hsm.softhsm_conf) cannot be read: No such file"))
        #expect(!checked.text.contains("dtad check"), "\(checked.text)")
    }

    @Test("dtad check warns of a state in memory")
    func memory() throws {
        let agent = try TestAgent(starting: false)
        guard let disk = try SmallDisk(kilobytes: 4096, at: agent.directory.file("memory")) else { return }
        let text = try String(contentsOfFile: agent.configuration, encoding: .utf8)
        try text.replacingOccurrences(of: "state: \"\(agent.state)\"", with: "state: \"\(disk.path)\"")
            .write(toFile: agent.configuration, atomically: true, encoding: .utf8)
        let checked = try check(agent)
        #expect(checked.status == 0, "\(checked.text)")
        #expect(checked.text.contains("note  state") && checked.text.contains("tmpfs: it is gone"), "\(checked.text)")
    }

    @Test("dtad check says what is in the way of the socket")
    func socket() throws {
        let agent = try TestAgent(starting: false)
        let plain = try String(contentsOfFile: agent.configuration, encoding: .utf8)
        func check(socket path: String) throws -> Finished {
            try (plain + "socket: \"\(path)\"\n").write(toFile: agent.configuration, atomically: true, encoding: .utf8)
            return try self.check(agent)
        }
        let folder = try check(socket: "/nonexistent/agent.sock")
        #expect(folder.status == 1 && folder.text.contains("there is no directory /nonexistent"), "\(folder.text)")
        let file = try check(socket: agent.configuration)
        #expect(file.status == 1 && file.text.contains("exists and is not a socket"), "\(file.text)")
        let free = try check(socket: agent.socketPath)
        #expect(free.status == 0 && free.text.contains("\(agent.socketPath) is free"), "\(free.text)")
    }

    @Test(
        "dtad check refuses variables that decide what dtad-hsm loads, and what is no landmark",
        arguments: [
            ("environment: {LD_PRELOAD: /x}", "LD_PRELOAD is not for modules"),
            ("environment: {SOFTHSM2_CONF: /x}", "hsm.softhsm_conf names"),
            ("environment: {\"a b\": x}", "is no name of a variable"),
            ("environment: {A: \"x\\ny\"}", "has a control character"), ("environment: [A]", "must be a mapping"),
            ("landmark: \"12\"", "has 32 hexadecimal digits"), ("landmark: zz", "has 32 hexadecimal digits"),
        ])
    func configuration(line: String, words: String) throws {
        let agent = try TestAgent(starting: false)
        try agent.addHSMConfiguration([line])
        let checked = try check(agent)
        #expect(checked.status != 0)
        #expect(checked.text.contains(words), "\(checked.text)")
    }
}
