import AgentProtocol
import DTASystem
import Foundation
import TestSupport
import Testing

/// Whatever fails while a key comes in: afterwards it is there, or nothing of it is, and it can come again.
@Suite("An import that fails", .ownThread)
struct ImportFailureTests {
    /// Brings the key in a file, with dtactl.
    private func bring(_ name: String, _ file: String, _ agent: TestAgent) throws -> Finished {
        try run(
            try Binary.path("dtactl"),
            [
                "key", "import", name, file, "--socket", agent.socketPath, "--agent-key", agent.state + "/import.pem",
            ])
    }

    private func keyFile(_ agent: TestAgent) throws -> String {
        let file = agent.directory.file("old.key")
        let made = try run(
            "openssl", ["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", file])
        #expect(made.status == 0, "\(made.errors)")
        return file
    }

    /// The users' objects on the token, private and public.
    private func objects(_ agent: TestAgent) throws -> Int {
        let pin = try String(contentsOfFile: agent.state + "/hsm-pin", encoding: .utf8)
            .trimmingCharacters(in: .whitespacesAndNewlines)
        // Under the lock of log-ins: a log-in rewrites the token's file, and a dtad-hsm that starts would see no token.
        let listing = try run(
            "/usr/bin/flock",
            [
                agent.state + "/hsm.lock", "pkcs11-tool", "--module", TestToken.module, "--token-label", "dta",
                "--login",
                "--pin", pin, "--list-objects",
            ], environment: ["SOFTHSM2_CONF": agent.state + "/softhsm2.conf"])
        return listing.text.split(separator: "\n").count { $0.contains("label:") && $0.contains("dta/user/") }
    }

    /// While a dtad-hsm that starts logs in, the listing may miss some of them for a moment.
    private func expectObjects(_ agent: TestAgent, _ count: Int) throws {
        try agent.wait("\(count) objects on the token", every: 250) { try objects(agent) == count }
    }

    /// Waits until nothing of a key that did not come in is left.
    private func waitForNothing(_ agent: TestAgent, but count: Int) throws {
        try expectObjects(agent, count)
        #expect(try agent.client().call(AgentRequest(.keyUnnamed)).keys.isEmpty)
    }

    @Test(
        "a dtad-hsm that is killed in the middle of an import leaves nothing, and the key can come again",
        arguments: [
            TamperedModule.Fault.dieBeforeImport, .dieAfterImport, .dieAfterPublicHalf,
        ])
    func killed(fault: TamperedModule.Fault) throws {
        let agent = try TestAgent(starting: false)
        let module = try TamperedModule(in: agent.directory)
        let text = try String(contentsOfFile: agent.configuration, encoding: .utf8)
        try text.replacingOccurrences(of: TestToken.module, with: module.path)
            .write(toFile: agent.configuration, atomically: true, encoding: .utf8)
        try agent.start()
        let client = agent.client()
        _ = try client.call(.createKey("k", type: .p256))
        let file = try keyFile(agent)
        try module.set(fault)
        let refused = try bring("old", file, agent)
        #expect(refused.status != 0, "\(refused.text)")
        #expect(try client.refusal(.showKey("old")).code == .notFound)
        try waitForNothing(agent, but: 2)
        try agent.wait("the key to come again") { try bring("old", file, agent).status == 0 }
        for name in ["k", "old"] { #expect(try client.call(.sign(key: name, message: [1])).data.count == 64) }
        try expectObjects(agent, 4)
        #expect(agent.stop() == 0)
    }

    @Test("a key does not come in half if the token's disk, or the state's, is full", arguments: [true, false])
    func fullDisk(isToken: Bool) throws {
        let agent = try TestAgent(starting: false)
        guard let disk = try SmallDisk(kilobytes: 8192, at: agent.directory.file("disk")) else { return }
        let (file, name) =
            isToken ? (agent.state + "/softhsm2.conf", agent.tokens) : (agent.configuration, "\"\(agent.state)\"")
        if isToken { try FileManager.default.moveItem(atPath: agent.tokens, toPath: disk.path + "/tokens") }
        try String(contentsOfFile: file, encoding: .utf8)
            .replacingOccurrences(of: name, with: isToken ? disk.path + "/tokens" : "\"\(disk.path)\"")
            .write(toFile: file, atomically: true, encoding: .utf8)
        try agent.start()
        let client = agent.client()
        _ = try client.call(.createKey("k", type: .p256))
        let old = try keyFile(agent)
        let filler = open(disk.path + "/filler", O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
        #expect(filler >= 0)
        let block = [UInt8](repeating: 0, count: 1 << 12)
        for size in [1 << 12, 1] { while write(filler, block, size) > 0 {} }
        close(filler)
        // The last pages that are there can be written still.
        var refused: Finished?
        try agent.wait("the disk to be full") {
            let tried = try bring("old", old, agent)
            if tried.status != 0 { refused = tried } else { _ = try? client.call(.deleteKey("old")) }
            return refused != nil
        }
        let reason = refused?.errors ?? ""
        #expect(reason.contains(isToken ? "its disk or memory may be full" : "no room"), "\(reason)")
        unlink(disk.path + "/filler")
        // As it was: with the one key, and with the name free.
        try agent.wait("room", every: 200) { (try? client.call(.sign(key: "k", message: [1])))?.code == .ok }
        #expect(try client.refusal(.showKey("old")).code == .notFound)
        try waitForNothing(agent, but: 2)
        try agent.wait("the key to come again", every: 200) { try bring("old", old, agent).status == 0 }
        #expect(try client.call(.sign(key: "old", message: [1])).data.count == 64)
        try expectObjects(agent, 4)
        #expect(agent.stop() == 0)
    }
}
