import AgentProtocol
import DTASystem
import Foundation
import Glibc
import TestSupport
import Testing

@Suite("dtad, when its token is away or another", .ownThread)
struct TokenStartTests {
    private func move(_ from: String, _ to: String) throws {
        try FileManager.default.moveItem(atPath: from, toPath: to)
    }

    private func status(_ client: BlockingAgentClient) throws -> [String: String] {
        let response = try client.call(.status())
        return Dictionary(response.fields.map { ($0.name, $0.value) }, uniquingKeysWith: { $1 })
    }

    /// Has the agent's dtad-hsm load another module.
    private func use(_ module: TamperedModule, _ agent: TestAgent) throws {
        let text = try String(contentsOfFile: agent.configuration, encoding: .utf8)
        try text.replacingOccurrences(of: TestToken.module, with: module.path)
            .write(toFile: agent.configuration, atomically: true, encoding: .utf8)
    }

    /// Puts another token of the same label in the agent's token's place, with this PIN.
    private func swap(_ agent: TestAgent, pin: String, aside: String = "aside") throws {
        try move(agent.tokens, agent.directory.file(aside))
        mkdir(agent.tokens, 0o700)
        let files = try TemporaryDirectory()
        let made = try run(
            try Binary.path("dtad-hsm"),
            [
                "--init", "--config", agent.configuration, "--pin-file", try files.write("pin", pin + "\n"),
                "--so-pin-file", try files.write("so", "so-31415926\n"),
            ])
        // Its PIN may be another than the agent's: then the keys cannot be made by this command.
        #expect(made.status == 0, "\(made.errors)")
    }

    private func pin(_ agent: TestAgent) throws -> String {
        try String(contentsOfFile: agent.state + "/hsm-pin", encoding: .utf8).trimmingCharacters(in: .newlines)
    }

    @Test(
        "dtad listens without its token, says why at once, shows what needs no token, and goes on by itself when it is back",
        arguments: [true, false])
    func awayAtStart(isKnown: Bool) throws {
        let agent = try TestAgent(starting: false)
        let client = agent.client()
        if isKnown {
            try agent.start()
            _ = try client.call(.createKey("k", type: .p256))
            #expect(agent.stop() == 0)
        }
        try move(agent.tokens, agent.tokens + ".away")
        let notify = try NotifySocket(agent.directory.file("notify"))
        try agent.start(environment: ["NOTIFY_SOCKET": notify.path])
        #expect(try notify.waitFor("READY=1").contains("cannot be read: No such file"))
        let began = monotonicNanoseconds()
        let refusal = try client.refusal(.createKey("new", type: .p256))
        #expect(refusal.code == .unavailable)
        #expect(refusal.message.contains(agent.tokens) && refusal.message.contains("No such file"), "\(refusal)")
        #expect(!refusal.hint.contains("dtad check"))
        #expect(monotonicNanoseconds() - began < 4_000_000_000, "it waited")
        let fields = try status(client)
        #expect(fields["state"] == "unavailable" && fields["hsm.token"] == "dta")
        #expect(fields["hsm.reason"]?.contains("No such file") == true)
        if isKnown {
            #expect(fields["keys"] == "1")
            #expect(try client.call(.list(.keyList)).keys.map(\.name) == ["k"])
            #expect(try client.refusal(.sign(key: "k", message: [1])).code == .unavailable)
        }
        try move(agent.tokens + ".away", agent.tokens)
        try agent.wait("the token to be back") {
            (try? client.call(.createKey("new", type: .p256)))?.code == .ok
        }
        #expect(try client.call(.sign(key: "new", message: [1])).data.count == 64)
        if isKnown { #expect(try client.call(.sign(key: "k", message: [1])).data.count == 64) }
        #expect(try status(client)["state"] == "ready")
        // The agent's own identity is made with the first process.
        #expect(try status(client)["identities"] == "1")
        try notify.waitForStatus("HSM processes")
        #expect(agent.stop() == 0)
    }

    @Test("dtad clears what a crash left only when the token is back, and before anybody uses it")
    func sweepWhenBack() throws {
        let agent = try TestAgent(environment: ["DTAD_CRASH_AT": "key.create.2"])
        _ = try? agent.client().call(.createKey("half", type: .p256))
        #expect(agent.waitForEnd() != 0)
        try move(agent.tokens, agent.tokens + ".away")
        try agent.start()
        #expect(try agent.client().refusal(.random(1)).code == .unavailable)
        try move(agent.tokens + ".away", agent.tokens)
        try agent.wait("the token to be back") { (try? agent.client().call(.random(1)))?.code == .ok }
        #expect(agent.log.contains("cleared what was left of an unfinished act"), "\(agent.log)")
    }

    @Test("dtad answers at once while dtad-hsm hangs in its start")
    func hangingStart() throws {
        let agent = try TestAgent(starting: false)
        let module = try TamperedModule(in: agent.directory)
        try use(module, agent)
        try agent.addHSMConfiguration(["deadline_ms: 500"])
        try module.set(.hangLogin)
        try agent.start()
        try agent.wait("the reason") {
            let reason = try agent.client().refusal(.random(1))
            #expect(reason.code == .unavailable)
            return reason.message.contains("is being started and has not answered")
        }
        #expect(try status(agent.client())["state"] == "unavailable")
        module.clear(.hangLogin)
        try agent.wait("the HSM") { (try? agent.client().call(.random(1)))?.code == .ok }
    }

    @Test("dtad says with which signal a module ended dtad-hsm in its start, and goes on when it no longer does")
    func abortingStart() throws {
        let agent = try TestAgent(starting: false)
        let module = try TamperedModule(in: agent.directory)
        try use(module, agent)
        try module.set(.abortInitialise)
        let sentence = "was ended by signal 6 before it had logged in: \(module.path)"
        let checked = try run(try Binary.path("dtad"), ["check", "--config", agent.configuration])
        #expect(checked.status == 1 && checked.text.contains(sentence), "\(checked.text)")
        try agent.start()
        try agent.wait("the reason") {
            try agent.client().refusal(.random(1)).message.contains(sentence)
        }
        #expect(try status(agent.client())["hsm.reason"]?.contains(sentence) == true)
        module.clear(.abortInitialise)
        try agent.wait("the HSM") { (try? agent.client().call(.random(1)))?.code == .ok }
    }

    @Test("dtad serves a token that allows one session with one process, also where it came late")
    func oneSession() throws {
        let agent = try TestAgent(starting: false)
        let module = try TamperedModule(in: agent.directory)
        try use(module, agent)
        try module.set(.oneSession)
        try move(agent.tokens, agent.tokens + ".away")
        try agent.start()
        let client = agent.client()
        #expect(try client.refusal(.random(1)).code == .unavailable)
        try move(agent.tokens + ".away", agent.tokens)
        try agent.wait("the token to be back") { (try? client.call(.random(1)))?.code == .ok }
        _ = try client.call(.createKey("k", type: .p256))
        #expect(try client.call(.sign(key: "k", message: [1])).data.count == 64)
        #expect(agent.custodians.count == 1)
        #expect(try status(client)["hsm.processes"] == "1")
    }

    @Test(
        "dtad makes no key on a token that took the other's place while it ran, with the same label and PIN, nor after a restart"
    )
    func swapped() throws {
        let agent = try TestAgent()
        let client = agent.client()
        _ = try client.call(.createKey("k", type: .p256))
        let before = try status(client)
        try swap(agent, pin: try pin(agent))
        for round in 0..<5 {
            #expect(try client.refusal(.createKey("new\(round)", type: .p256)).code == .unavailable)
            #expect(try client.refusal(.createIdentity("new\(round)")).code == .unavailable)
        }
        try agent.wait("the reason") {
            try client.refusal(.createKey("new", type: .p256)).message.contains("another token is in the place of")
        }
        #expect(agent.stop() == 0)
        try agent.start()
        let reason = try client.refusal(.createKey("new", type: .p256))
        #expect(reason.code == .unavailable && reason.message.contains("another token"), "\(reason)")
        #expect(reason.message.contains(before["hsm.serial"] ?? "?"))
        #expect(try status(client)["keys"] == "1")
        let checked = try run(try Binary.path("dtad"), ["check", "--config", agent.configuration])
        #expect(checked.status == 1 && checked.text.contains("another token is in the place of"), "\(checked.text)")
        // The right one again, without a restart.
        try move(agent.tokens, agent.directory.file("other"))
        try move(agent.directory.file("aside"), agent.tokens)
        try agent.wait("the right token") { (try? client.call(.sign(key: "k", message: [1])))?.code == .ok }
        _ = try client.call(.createKey("new", type: .p256))
        #expect(try client.call(.sign(key: "new", message: [1])).data.count == 64)
        #expect(try status(client)["hsm.landmark"] == before["hsm.landmark"])
    }

    @Test("dtad knows its token also where an older dtad wrote the state, by the key of the agent's own identity")
    func upgraded() throws {
        let agent = try TestAgent()
        _ = try agent.client().call(.createKey("k", type: .p256))
        let landmark = try status(agent.client())["hsm.landmark"]
        #expect(agent.stop() == 0)
        let forgotten = try run(
            "python3",
            [
                "-c",
                "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute('DELETE FROM token'); c.commit()",
                agent.state + "/state.sqlite",
            ])
        #expect(forgotten.status == 0, "\(forgotten.errors)")
        try swap(agent, pin: try pin(agent))
        try agent.start()
        try agent.wait("the reason") {
            try agent.client().refusal(.random(1)).message.contains("agent's own identity is not on it")
        }
        try move(agent.tokens, agent.directory.file("other"))
        try move(agent.directory.file("aside"), agent.tokens)
        try agent.wait("the right token") { (try? agent.client().call(.sign(key: "k", message: [1])))?.code == .ok }
        #expect(try status(agent.client())["hsm.landmark"] == landmark)
    }

    @Test("dtad under a service manager stays up with a wrong PIN, tries it once, and still shows what needs no token")
    func wrongPIN() throws {
        let agent = try TestAgent()
        _ = try agent.client().call(.createKey("k", type: .p256))
        #expect(agent.stop() == 0)
        let module = try TamperedModule(in: agent.directory)
        try use(module, agent)
        let right = try pin(agent)
        try "not the pin\n".write(toFile: agent.state + "/hsm-pin", atomically: false, encoding: .utf8)
        let notify = try NotifySocket(agent.directory.file("notify"))
        for _ in 0..<3 {
            try agent.start(environment: ["NOTIFY_SOCKET": notify.path])
            #expect(try notify.waitFor("READY=1").contains("refused the PIN"))
            let client = agent.client()
            let reason = try client.refusal(.sign(key: "k", message: [1]))
            #expect(reason.message.contains("refused the PIN"), "\(reason)")
            #expect(try client.call(.list(.keyList)).keys.map(\.name) == ["k"])
            let checked = try run(try Binary.path("dtad"), ["check", "--config", agent.configuration])
            #expect(checked.status == 1 && checked.text.contains("refused the PIN before"), "\(checked.text)")
            #expect(!checked.errors.contains("refused the PIN"), "what the table says is not said again")
            #expect(agent.stop() == 0)
        }
        #expect(module.logins == 1)
        try "\(right)\n".write(toFile: agent.state + "/hsm-pin", atomically: false, encoding: .utf8)
        try agent.start()
        #expect(try agent.client().call(.sign(key: "k", message: [1])).data.count == 64)
    }

    @Test(
        "dtad gives dtad-hsm the environment that the configuration names, and no descriptor that it has inherited itself"
    )
    func inheritance() throws {
        let agent = try TestAgent(starting: false)
        try agent.addHSMConfiguration(["environment:", "  VENDOR_CONFIG: \"/etc/vendor file\"", "  VENDOR_MODE: \"7\""])
        let open = Descriptor(owning: Glibc.open("/dev/null", O_RDONLY))
        let number = fcntl(open.number, F_DUPFD, 200)
        #expect(number >= 200)
        let left = Descriptor(owning: number)
        try agent.start()
        #expect(try agent.client().call(.random(1)).data.count == 1)
        #expect(FileManager.default.fileExists(atPath: "/proc/\(agent.pid)/fd/\(number)"))
        for pid in agent.custodians {
            let held = try FileManager.default.contentsOfDirectory(atPath: "/proc/\(pid)/fd").compactMap(Int.init)
            #expect(!held.contains(Int(number)))
            for number in held where number > 3 {
                let target = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(pid)/fd/\(number)")
                #expect(!target.hasPrefix("/dev/null") && !target.hasPrefix("pipe:"), "\(number) \(target)")
            }
        }
        withExtendedLifetime((open, left)) {}
    }
}
