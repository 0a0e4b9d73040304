import AgentProtocol
import DTASystem
import Foundation
import Glibc
import TestSupport
import Testing

@Suite("dtad's life", .ownThread)
struct LifecycleTests {
    @Test("dtad begins with init, which never overwrites")
    func initialisation() throws {
        let agent = try TestAgent(starting: false)
        let before = try FileManager.default.contentsOfDirectory(atPath: agent.tokens)
        let pin = try String(contentsOfFile: agent.state + "/hsm-pin", encoding: .utf8)
        let again = try run(try Binary.path("dtad"), ["init", "--state", agent.state])
        #expect(again.status == 1)
        #expect(again.errors.contains("exists already"))
        #expect(try FileManager.default.contentsOfDirectory(atPath: agent.tokens) == before)
        #expect(try String(contentsOfFile: agent.state + "/hsm-pin", encoding: .utf8) == pin)
        for (name, mode) in [("hsm-pin", 0o600), ("hsm-so-pin", 0o600), ("tokens", 0o700), ("", 0o700)] {
            let attributes = try FileManager.default.attributesOfItem(atPath: agent.state + "/" + name)
            #expect(attributes[.posixPermissions] as? Int == mode, "\(name)")
        }
    }

    @Test(
        "a dtad that cannot begin takes back what init made",
        arguments: [
            ["--module", "/etc/hostname-softhsm"], ["--token", " a"], ["--token", ""], ["--token", "a\nb"],
            ["--token", String(repeating: "é", count: 17)], ["--token", "a\u{202e}b"],
        ])
    func failedInitialisation(arguments: [String]) throws {
        let directory = try TemporaryDirectory()
        let made = try run(try Binary.path("dtad"), ["init", "--state", directory.file("s")] + arguments)
        #expect(made.status == 1)
        #expect(!FileManager.default.fileExists(atPath: directory.file("s")))
    }

    @Test(
        "dtad begins with a token of any readable label, spaces and quotation marks among them",
        arguments: ["my token", "a \"b\" \\ c", "clé # 1: {x}", String(repeating: "é", count: 16), "'", "~"])
    func labels(label: String) throws {
        let directory = try TemporaryDirectory()
        let state = directory.file("s")
        let made = try run(try Binary.path("dtad"), ["init", "--state", state, "--token", label])
        #expect(made.status == 0, "\(made.errors)")
        let checked = try run(try Binary.path("dtad"), ["check", "--config", state + "/dtad.yaml"])
        #expect(checked.status == 0, "\(checked.text)")
        #expect(checked.text.contains("token \"\(label)\""), "\(checked.text)")
    }

    @Test("dtad takes a socket by name from systemd, and notifies it")
    func socketActivation() throws {
        let agent = try TestAgent(starting: false)
        let notify = try NotifySocket(agent.directory.file("notify"))
        let path = agent.directory.file("activated.sock")
        let activate = try Subprocess(
            "systemd-socket-activate",
            [
                "--fdname=agent", "-l", path, "-E", "NOTIFY_SOCKET=\(notify.path)", try Binary.path("dtad"), "run",
                "--config", agent.configuration,
            ])
        let client = BlockingAgentClient(socketPath: path)
        try agent.wait("the socket") { (try? client.call(.status()))?.code == .ok }
        #expect(try notify.waitFor("READY=1").contains("STATUS="))
        activate.signal(SIGHUP)
        _ = try notify.waitFor("RELOADING=1")
        #expect(try !notify.waitFor("READY=1").contains("grants stay"))
        try agent.addConfiguration("nonsense: 1")
        activate.signal(SIGHUP)
        #expect(try notify.waitFor("READY=1").contains("the grants stay as they were"))
        activate.signal(SIGTERM)
        _ = try notify.waitFor("STOPPING=1")
        #expect(activate.wait() == 0)
    }

    @Test(
        "a dtad that cannot begin tells systemd and each waiting client the reason, and ends as by a wrong configuration"
    )
    func refusedStart() throws {
        let agent = try TestAgent(more: "nonsense: 1", starting: false)
        let notify = try NotifySocket(agent.directory.file("notify"))
        let path = agent.directory.file("activated.sock")
        let activate = try Subprocess(
            "systemd-socket-activate",
            [
                "--fdname=agent", "-l", path, "-E", "NOTIFY_SOCKET=\(notify.path)", try Binary.path("dtad"), "run",
                "--config", agent.configuration,
            ])
        try agent.wait("the socket") { access(path, F_OK) == 0 }
        let client = BlockingAgentClient(socketPath: path)
        let reason = try client.refusal(.status())
        #expect(reason.code == .unavailable && reason.message.contains("unknown key nonsense"), "\(reason)")
        #expect(try notify.next().contains("STATUS=\(agent.configuration):"))
        #expect(activate.wait() == 78)
    }

    @Test(
        "dtad reads a configuration alone if that is asked, and finds in it what run and a reload find",
        arguments: [
            ("grants:\n  - { to: [\"unix:usr:bob\"], keys: [\"*\"], operations: [sign] }", "unix:usr:bob"),
            ("orders:\n  accept:\n    - { from: [\"acme *\"] }", "orders.accept, line"),
        ])
    func configurationOnly(wrong lines: String, words: String) throws {
        let agent = try TestAgent()
        let arguments = ["check", "--config", agent.configuration]
        #expect(try run(try Binary.path("dtad"), arguments + ["--configuration-only"]).status == 0)
        try agent.addConfiguration(lines)
        for more in [[], ["--configuration-only"]] {
            let checked = try run(try Binary.path("dtad"), arguments + more)
            let said = checked.text + checked.errors
            #expect(checked.status == 1 && said.contains(words) && !said.contains("can be read"), "\(said)")
        }
        agent.signal(SIGHUP)
        try agent.wait("the refusal") {
            agent.log.contains("the grants stay as they were") && agent.log.contains(words)
        }
        #expect(agent.stop() == 0)
        try agent.launch()
        #expect(agent.waitForEnd() == 78)
    }

    @Test(
        "dtad has usage errors as dtactl has them, with the status 2", arguments: ["dtad", "dtagw"],
        [["chekc"], ["check", "--nonsense"], ["run", "--config"]])
    func usage(program: String, arguments: [String]) throws {
        let said = try run(try Binary.path(program), arguments)
        #expect(said.status == 2)
        #expect(said.errors.hasPrefix("\(program): "), "\(said.errors)")
        #expect(said.errors.contains("\nhint: usage: \(program)"), "\(said.errors)")
    }

    @Test(
        "dtad tells the service manager and its clients of the same number of HSM processes, and numbers in words that fit"
    )
    func processes() throws {
        let agent = try TestAgent(starting: false)
        let notify = try NotifySocket(agent.directory.file("notify"))
        try agent.start(environment: ["NOTIFY_SOCKET": notify.path])
        let status = try notify.waitFor("READY=1").split(separator: "\n").first { $0.hasPrefix("STATUS=") } ?? ""
        let count = try #require(Int(status.dropFirst("STATUS=".count).prefix { $0.isNumber }))
        #expect(count > 1 && status.hasSuffix("\(count) HSM processes, token dta, 0 keys"), "\(status)")
        // The one of the slow lane may come after READY.
        try agent.wait("all of them") {
            let told = try agent.client().call(.status()).fields.first { $0.name == "hsm.processes" }?.value
            return agent.custodians.count >= count && told == "\(agent.custodians.count)"
        }
        let checked = try run(try Binary.path("dtad"), ["check", "--config", agent.configuration])
        #expect(checked.text.contains("of the state, 0 keys and 1 identity are on the token"), "\(checked.text)")
    }

    @Test("dtad feeds the watchdog while the workers answer, even when every HSM process is stopped")
    func watchdog() throws {
        let agent = try TestAgent(starting: false)
        let notify = try NotifySocket(agent.directory.file("notify"))
        try agent.start(environment: ["NOTIFY_SOCKET": notify.path, "WATCHDOG_USEC": "2000000"])
        _ = try notify.waitFor("WATCHDOG=1")
        for pid in agent.custodians { kill(pid, SIGSTOP) }
        notify.drain()
        _ = try notify.waitFor("WATCHDOG=1")
        for pid in agent.custodians { kill(pid, SIGCONT) }
    }

    @Test(
        "dtad replaces a socket on which nothing answers, and leaves one alone on which something does, and other files"
    )
    func staleSocket() throws {
        let agent = try TestAgent()
        agent.crash()
        #expect(FileManager.default.fileExists(atPath: agent.socketPath))
        try agent.start()

        let other = try TestAgent(starting: false)
        let second = try run(
            try Binary.path("dtad"), ["run", "--config", other.configuration, "--socket", agent.socketPath])
        #expect(second.status == 78)
        #expect(second.errors.contains("another program listens"))
        #expect(try agent.client().call(.status()).code == .ok)

        // A socket for datagrams is nobody's to remove, and one whose queue is full is somebody's.
        let datagrams = Descriptor(owning: socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0))
        let odd = other.directory.file("datagrams")
        try bind(datagrams, odd)
        let refused = try run(
            try Binary.path("dtad"), ["run", "--config", other.configuration, "--socket", odd])
        #expect(refused.status == 78)
        #expect(refused.errors.contains("\(odd) is a socket of another kind"), "\(refused.errors)")
        let full = try UnixSocket.listen(at: other.directory.file("full"), mode: 0o600, backlog: 0)
        let waiting = try UnixSocket.connect(to: other.directory.file("full"), nonBlocking: true)
        let blocked = try run(
            try Binary.path("dtad"),
            ["run", "--config", other.configuration, "--socket", other.directory.file("full")])
        #expect(blocked.status == 78 && blocked.errors.contains("another program listens"), "\(blocked.errors)")
        withExtendedLifetime((datagrams, full, waiting)) {}

        let file = try other.directory.write("plain", "content")
        let third = try run(try Binary.path("dtad"), ["run", "--config", other.configuration, "--socket", file])
        #expect(third.status == 78)
        #expect(try String(contentsOfFile: file, encoding: .utf8) == "content")
    }

    private func bind(_ socket: Descriptor, _ path: String) throws {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(path.utf8)) }
        let bound = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.bind(socket.number, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        #expect(bound == 0)
    }

    @Test("dtad refuses a path that no socket can have, with both numbers, in run and in check")
    func longPaths() throws {
        let agent = try TestAgent(starting: false)
        let path = "/" + String(repeating: "é", count: 53) + "x"
        let given = try run(
            try Binary.path("dtad"), ["run", "--config", agent.configuration, "--socket", path])
        #expect(given.status != 0)
        #expect(given.errors.contains("has 108 bytes: the path of a socket has at most 107"), "\(given.errors)")
        let plain = try String(contentsOfFile: agent.configuration, encoding: .utf8)
        let kubo = "ledger:\n  kubo:\n    api: \"unix:\(path)\"\n"
        let plugins =
            "plugins:\n  run: service\n  directory: /nowhere\n  sockets: /\(String(repeating: "s", count: 69))\n"
        for (more, key) in [
            ("socket: \"\(path)\"\n", "socket has 108 bytes"), (kubo, "of at most 107 bytes"),
            (plugins, "plugins.sockets has 70 bytes"),
        ] {
            try (plain + more).write(toFile: agent.configuration, atomically: true, encoding: .utf8)
            for command in ["run", "check"] {
                let ended = try run(try Binary.path("dtad"), [command, "--config", agent.configuration])
                #expect(ended.status != 0)
                #expect((ended.errors + ended.text).contains(key), "\(ended.errors)\(ended.text)")
            }
        }
        try plain.write(toFile: agent.configuration, atomically: true, encoding: .utf8)
        try agent.addHSMConfiguration(["socket: \"\(path)\""])
        let wall = try run(try Binary.path("dtad"), ["check", "--config", agent.configuration])
        #expect(wall.status != 0 && wall.text.contains("hsm.socket has 108 bytes"), "\(wall.text)")
    }

    @Test("dtad is one at a time on a state directory")
    func oneAgent() throws {
        let agent = try TestAgent()
        let second = try run(
            try Binary.path("dtad"),
            ["run", "--config", agent.configuration, "--socket", agent.directory.file("second.sock")])
        #expect(second.status == 78)
        #expect(second.errors.contains("another dtad"))
    }

    @Test("dtad ends after what runs is finished, and removes the socket that it bound")
    func termination() throws {
        let agent = try TestAgent()
        let client = agent.client()
        _ = try client.call(.createKey("k", type: .p256))
        #expect(agent.stop() == 0)
        #expect(!FileManager.default.fileExists(atPath: agent.socketPath))
        #expect(agent.custodians.isEmpty)
        try agent.start()
        #expect(try client.call(.sign(key: "k", message: [1])).data.count == 64)
    }

    @Test("dtad does not begin with an unknown key in the configuration, which is named with its line")
    func unknownKey() throws {
        let agent = try TestAgent(more: "limits:\n  keys_per_usr: 3", starting: false)
        let lines = try String(contentsOfFile: agent.configuration, encoding: .utf8).split(
            separator: "\n", omittingEmptySubsequences: false)
        let line = try #require(lines.firstIndex { $0.contains("keys_per_usr") }) + 1
        for command in ["run", "check"] {
            let ended = try run(try Binary.path("dtad"), [command, "--config", agent.configuration])
            #expect(ended.status == (command == "run" ? 78 : 1))
            #expect((ended.errors + ended.text).contains("dtad.yaml:\(line): unknown key limits.keys_per_usr"))
        }
    }

    @Test(
        "dtad ends with 78, so that no service manager starts it again, if something else lies in the place of its files",
        arguments: ["dtad.yaml", "state.sqlite", "lock", "audit", "segments"], ["link", "pipe"])
    func strangeFile(name: String, what: String) throws {
        let agent = try TestAgent(starting: false)
        let place = agent.state + "/" + name
        try? FileManager.default.moveItem(atPath: place, toPath: place + ".away")
        if what == "pipe" {
            #expect(mkfifo(place, 0o600) == 0)
        } else {
            symlink(name == "dtad.yaml" ? agent.state : "/dev/null", place)
        }
        let ended = try run(try Binary.path("dtad"), ["run", "--config", agent.configuration])
        #expect(ended.status == 78 && ended.errors.contains(place), "\(ended.status): \(ended.errors)")
    }

    @Test("dtad is reported as in order by check, which says that there is no wall where dtad starts dtad-hsm itself")
    func check() throws {
        let agent = try TestAgent(starting: false)
        let checked = try run(try Binary.path("dtad"), ["check", "--config", agent.configuration])
        #expect(checked.status == 0, "\(checked.text)")
        #expect(checked.text.contains("wall") && checked.text.contains("there is none"))
        #expect(checked.text.contains("All is in order"))
    }

    @Test(
        "dtad keeps each worker and a dtad-hsm on one processor, where there is a pair for each, unless told not to",
        arguments: [true, false])
    func pairs(keeping: Bool) throws {
        func processors(_ path: String) throws -> String {
            let status = try String(contentsOfFile: path, encoding: .utf8)
            let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("Cpus_allowed_list:") })
            return line.split(separator: "\t").last.map(String.init) ?? ""
        }
        let all = Processors.allowed().map(String.init)
        let agent = try TestAgent(starting: false)
        try agent.addHSMConfiguration(["processes: \(all.count)", "keep_pairs_on_processors: \(keeping)"])
        try agent.start()
        try agent.wait("all processes") { agent.custodians.count == all.count + 1 }
        let settled = {
            try agent.custodians.map { try processors("/proc/\($0)/status") }.filter(all.contains).sorted()
        }
        if keeping {
            try agent.wait("all to have settled") { try settled() == all.sorted() }
        } else if all.count > 1 {
            #expect(try settled().isEmpty)
        }
        _ = try agent.client().call(.createKey("k", type: .p256))
        #expect(try agent.client().call(.sign(key: "k", message: [1])).data.count == 64)
    }

    @Test("dtad locks the memory that dtad-hsm touches, or says at its start that it may not")
    func lockedMemory() throws {
        let agent = try TestAgent()
        let status = try String(contentsOfFile: "/proc/\(try #require(agent.custodians.first))/status", encoding: .utf8)
        let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("VmLck:") })
        let kilobytes = line.split(separator: " ").compactMap { Int($0) }.first ?? 0
        // All of its heap and more; the pages of the PIN alone are a few.
        #expect(kilobytes > 1024 || agent.log.contains("a protection was refused: mlockall"), "\(line)")
    }

    @Test("dtad says its version", arguments: ["dtad", "dtad-hsm", "dtactl"])
    func version(program: String) throws {
        let said = try run(try Binary.path(program), ["--version"])
        #expect(said.status == 0)
        #expect(said.text.contains("0.1.0"))
    }

    @Test(
        "dtad leaves no core and cannot be traced by its own user",
        .enabled(if: OtherUser.arePossible, "it needs root"),
        arguments: ["dtad", "dtad-hsm"])
    func hardening(program: String) throws {
        // Root without the power to trace every process is a user like any other here.
        let powerless = ["/usr/bin/setpriv", "--bounding-set=-sys_ptrace", "--inh-caps=-all"]
        let agent = try TestAgent(starting: false)
        try agent.start(prefix: powerless)
        let pid = program == "dtad" ? agent.pid : try #require(agent.custodians.first)
        let limits = try String(contentsOfFile: "/proc/\(pid)/limits", encoding: .utf8)
        let core = try #require(limits.split(separator: "\n").first { $0.hasPrefix("Max core file size") })
        #expect(core.split(separator: " ").filter { $0 == "0" }.count == 2, "\(core)")
        let attach =
            "import ctypes,sys; libc=ctypes.CDLL(None,use_errno=True); "
            + "print(libc.ptrace(0x4206,int(sys.argv[1]),0,0), ctypes.get_errno())"
        let tracer = Array(powerless.dropFirst()) + ["/usr/bin/python3", "-c", attach]
        let traced = try run(powerless[0], tracer + ["\(pid)"])
        #expect(traced.text == "-1 \(EPERM)\n", "\(traced.text)\(traced.errors)")
        let own = try Subprocess(powerless[0], Array(powerless.dropFirst()) + ["/usr/bin/sleep", "60"])
        try agent.wait("the other program") {
            (try? String(contentsOfFile: "/proc/\(own.pid)/comm", encoding: .utf8)) == "sleep\n"
        }
        let possible = try run(powerless[0], tracer + ["\(own.pid)"])
        #expect(possible.text == "0 0\n", "the check itself: \(possible.text)\(possible.errors)")
    }
}

/// systemd's end of sd_notify(3).
final class NotifySocket {
    let path: String
    private let socket: Descriptor

    init(_ path: String) throws {
        self.path = path
        socket = Descriptor(owning: Glibc.socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0))
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(path.utf8)) }
        let bound = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(socket.number, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        guard bound == 0 else { throw TestFailure("bind: \(errno)") }
        try UnixSocket.setTimeout(socket.number, milliseconds: 60_000)
    }

    private func receive(flags: Int32) -> String? {
        var buffer = [UInt8](repeating: 0, count: 4096)
        let count = recv(socket.number, &buffer, buffer.count, flags)
        return count > 0 ? String(decoding: buffer[..<count], as: UTF8.self) : nil
    }

    func waitFor(_ line: String) throws -> String {
        while let message = receive(flags: 0) {
            if message.split(separator: "\n").contains(Substring(line)) { return message }
        }
        throw TestFailure("systemd was not told \(line)")
    }

    func next() throws -> String {
        guard let message = receive(flags: 0) else { throw TestFailure("systemd was told nothing") }
        return message
    }

    /// Waits for a status with these words in it.
    func waitForStatus(_ words: String) throws {
        while let message = receive(flags: 0) {
            if message.split(separator: "\n").contains(where: { $0.hasPrefix("STATUS=") && $0.contains(words) }) {
                return
            }
        }
        throw TestFailure("systemd was not told a status with \(words)")
    }

    func drain() {
        while receive(flags: Int32(MSG_DONTWAIT)) != nil {}
    }
}
