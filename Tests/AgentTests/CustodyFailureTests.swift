import AgentProtocol
import DTASystem
import Foundation
import TestSupport
import Testing

@Suite("When the HSM fails", .ownThread)
struct CustodyFailureTests {
    private func agentWithKey(_ hsm: [String] = []) throws -> (TestAgent, BlockingAgentClient) {
        let agent = try TestAgent(starting: false)
        try agent.addHSMConfiguration(hsm)
        try agent.start()
        let client = agent.client()
        _ = try client.call(.createKey("k", type: .p256))
        _ = try client.call(.sign(key: "k", message: [1]))
        return (agent, client)
    }

    @Test(
        "a token that was moved away answers UNAVAILABLE, and is served again without a restart when it is moved back",
        arguments: [
            true, false,
        ])
    func tokenAway(copies: Bool) throws {
        let (agent, client) = try agentWithKey(["cache_session_objects: \(copies)"])
        let pid = agent.pid
        try FileManager.default.moveItem(atPath: agent.tokens, toPath: agent.tokens + ".away")
        // A copy of a key may still sign for a second, and each process has its own.
        var refusals = 0
        try agent.wait("the loss to be noticed") {
            do {
                _ = try client.call(.sign(key: "k", message: [2]))
                refusals = 0
            } catch let error as DTAError {
                #expect(error.code == .unavailable, "\(error)")
                refusals += 1
            }
            return refusals > 8
        }
        #expect(try client.call(.status()).code == .ok)
        #expect(try client.refusal(.sign(key: "k", message: [3])).code == .unavailable)
        try FileManager.default.moveItem(atPath: agent.tokens + ".away", toPath: agent.tokens)
        try agent.wait("the HSM to be back") { (try? client.call(.sign(key: "k", message: [4])))?.code == .ok }
        #expect(agent.pid == pid && agent.running)
    }

    @Test(
        "a token whose disk is full says that it is there and what may be full, and makes keys again when there is room"
    )
    func fullDisk() throws {
        let agent = try TestAgent(starting: false)
        guard let disk = try SmallDisk(kilobytes: 4096, at: agent.directory.file("disk")) else { return }
        try FileManager.default.moveItem(atPath: agent.tokens, toPath: disk.path + "/tokens")
        let softhsm = agent.state + "/softhsm2.conf"
        try String(contentsOfFile: softhsm, encoding: .utf8)
            .replacingOccurrences(of: agent.tokens, with: disk.path + "/tokens")
            .write(toFile: softhsm, atomically: true, encoding: .utf8)
        try agent.start()
        let client = agent.client()
        _ = try client.call(.createKey("k", type: .p256))
        let filler = open(disk.path + "/filler", O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
        #expect(filler >= 0)
        let block = [UInt8](repeating: 0, count: 1 << 12)
        for size in [1 << 12, 1] { while write(filler, block, size) > 0 {} }
        close(filler)
        let refused = try client.refusal(.createKey("new", type: .p256))
        #expect(refused.code == .unavailable, "\(refused)")
        #expect(refused.message.contains("the token \"dta\" is there, but does not do this"), "\(refused)")
        #expect(refused.hint.contains("its disk or memory may be full"), "\(refused)")
        unlink(disk.path + "/filler")
        try agent.wait("room") { (try? client.call(.createKey("new", type: .p256)))?.code == .ok }
        for name in ["k", "new"] { #expect(try client.call(.sign(key: name, message: [1])).data.count == 64) }
        #expect(agent.stop() == 0)
    }

    @Test("a process killed while it is idle is replaced, and clients' connections live")
    func killedIdle() throws {
        let (agent, client) = try agentWithKey()
        let before = agent.custodians
        #expect(before.count == 3)
        for pid in before { kill(pid, SIGKILL) }
        try agent.wait("fresh processes") {
            let now = agent.custodians
            return now.count == 3 && Set(now).isDisjoint(with: before)
        }
        #expect(try client.call(.sign(key: "k", message: [1])).data.count == 64)
    }

    @Test(
        "a dtad-hsm that is stopped gives an error at the deadline; status answers meanwhile, and the next request works"
    )
    func stopped() throws {
        let (agent, client) = try agentWithKey(["deadline_ms: 2500"])
        let before = agent.custodians
        for pid in before { kill(pid, SIGSTOP) }
        let path = agent.socketPath
        let answered = Locked<DTAError?>(nil)
        let done = Locked(false)
        Thread.detachNewThread {
            do {
                _ = try BlockingAgentClient(socketPath: path).call(.sign(key: "k", message: [1]))
            } catch {
                answered.withLock { $0 = DTAError(error) }
            }
            done.withLock { $0 = true }
        }
        let other = BlockingAgentClient(socketPath: path)
        #expect(try other.call(.status()).code == .ok)
        #expect(try other.refusal(.sign(key: "absent", message: [1])).code == .notFound)
        try agent.wait("the deadline") { done.withLock { $0 } }
        #expect(answered.withLock { $0 }?.code == .unavailable)
        try agent.wait("service") { (try? client.call(.sign(key: "k", message: [1])))?.data.count == 64 }
        #expect(Set(agent.custodians).intersection(before).count < before.count)
    }

    @Test("a key that another program deleted is missed, and others are still served")
    func deletedElsewhere() throws {
        let (agent, client) = try agentWithKey()
        _ = try client.call(.createKey("other", type: .ed25519))
        let pin = try String(contentsOfFile: agent.state + "/hsm-pin", encoding: .utf8)
            .trimmingCharacters(in: .whitespacesAndNewlines)
        let environment = ["SOFTHSM2_CONF": agent.state + "/softhsm2.conf"]
        let module = ["--module", "/usr/lib/softhsm/libsofthsm2.so", "--token-label", "dta", "--login", "--pin", pin]
        let listing = try run(
            "pkcs11-tool", module + ["--list-objects", "--type", "privkey"], environment: environment
        ).text
        let lines = listing.split(separator: "\n").map { $0.trimmingCharacters(in: .whitespaces) }
        for (index, line) in lines.enumerated() where line.hasPrefix("Private Key Object; EC") {
            guard lines[index...].prefix(8).contains(where: { $0.contains("dta/user/") }),
                let id = lines[index...].prefix(8).first(where: { $0.hasPrefix("ID:") })?.split(separator: " ").last
            else { continue }
            if line.contains("EC_EDWARDS") { continue }
            let deleted = try run(
                "pkcs11-tool", module + ["--delete-object", "--type", "privkey", "--id", String(id)],
                environment: environment)
            #expect(deleted.status == 0, "\(deleted.errors)")
        }
        try agent.wait("the loss to be noticed") {
            guard let error = try? client.refusal(.sign(key: "k", message: [1])) else { return false }
            #expect([.notFound, .dataLoss].contains(error.code), "\(error)")
            return true
        }
        #expect(try client.call(.sign(key: "other", message: [1])).data.count == 64)
    }

    @Test("a wrong PIN ends dtad at once with the reason, and is not tried again")
    func wrongPIN() throws {
        let agent = try TestAgent(starting: false)
        try "not the pin\n".write(toFile: agent.state + "/hsm-pin", atomically: false, encoding: .utf8)
        try agent.launch()
        #expect(agent.waitForEnd() == 78)
        #expect(agent.log.contains("PIN"), "\(agent.log)")
    }

    @Test(
        "a missing module, a missing token and a readable PIN file are said plainly",
        arguments: [
            ("module: \"/usr/lib/softhsm/libsofthsm2.so\"", "module: \"/nonexistent.so\"", "/nonexistent.so"),
            ("token: \"dta\"", "token: \"another\"", "another"),
        ])
    func missing(old: String, new: String, mentioned: String) throws {
        let agent = try TestAgent(starting: false)
        let text = try String(contentsOfFile: agent.configuration, encoding: .utf8)
        try text.replacingOccurrences(of: old, with: new)
            .write(toFile: agent.configuration, atomically: true, encoding: .utf8)
        let checked = try run(try Binary.path("dtad"), ["check", "--config", agent.configuration])
        #expect(checked.status == 1)
        #expect(checked.text.contains("FAIL") && checked.text.contains(mentioned), "\(checked.text)")
    }

    @Test("a PIN file that others can read is refused")
    func readablePIN() throws {
        let agent = try TestAgent(starting: false)
        chmod(agent.state + "/hsm-pin", 0o644)
        let checked = try run(try Binary.path("dtad"), ["check", "--config", agent.configuration])
        #expect(checked.status == 1)
        #expect(checked.text.contains("hsm-pin"), "\(checked.text)")
    }
}
