import DTAFormats
import DTASystem
import Foundation
import TestSupport
import Testing

@testable import DTAPlugins

@Suite("Plugins that misbehave", .ownThread)
struct MisbehaviourTests {
    /// A way to go wrong, as a plugin's Python, and what is said of it.
    struct Fault: Sendable, CustomTestStringConvertible {
        var name: String
        var body: String
        var code: ErrorCode = .internal
        var says: String
        var testDescription: String { name }
    }

    static let faults: [Fault] = [
        Fault(name: "no answer", body: "pass", says: "without an answer"),
        Fault(name: "a status", body: "answer(); sys.exit(3)", says: "status 3"),
        Fault(name: "an exception", body: "raise ValueError()", says: "status 1"),
        Fault(name: "a signal", body: "os.kill(os.getpid(), signal.SIGSEGV)", says: "signal 11"),
        Fault(name: "a line without an end", body: "while True: say(b'a' * 65536)", says: "longer than 8192 bytes"),
        Fault(name: "many lines", body: "for _ in range(9): say(b'{}\\n')", says: "more than one line"),
        Fault(name: "two answers", body: "answer()\nanswer()", says: "more than one line"),
        Fault(name: "half a line", body: "say(b'{\"dta\":')", says: "newline"),
        Fault(name: "an empty line", body: "say(b'\\n')", says: "cannot be read"),
        Fault(name: "no JSON", body: "say(b'hello\\n')", says: "not JSON"),
        Fault(name: "no object", body: "say(b'[]\\n')", says: "not an object"),
        Fault(name: "invalid UTF-8", body: "say(b'{\"dta\":\"\\xff\"}\\n')", says: "not UTF-8"),
        Fault(name: "deep JSON", body: "say(b'[' * 4000 + b'\\n')", says: "deeper than 8"),
        Fault(
            name: "a member twice", body: "answer(result={})if 0 else say(b'{\"ok\":true,\"ok\":true}\\n')",
            says: "twice"),
        Fault(name: "a fraction", body: "answer(result={'a': 1.5})", says: "not whole"),
        Fault(name: "a huge number", body: "answer(result={'a': 2 ** 64})", says: "64 bits"),
        Fault(name: "another version", body: "answer(dta='dta/plugin/2')", says: "dta/plugin/2"),
        Fault(name: "no version", body: "say(b'{\"ok\":true}\\n')", says: "does not say"),
        Fault(name: "another's id", body: "answer(id='0000000000000000')", says: "request's id"),
        Fault(name: "no id", body: "say(b'{\"dta\":\"dta/plugin/1\",\"ok\":true}\\n')", says: "request's id"),
        Fault(name: "neither yes nor no", body: "answer(ok='yes')", says: "true or false"),
        Fault(name: "an unknown member", body: "answer(extra=1)", says: "unknown member \"extra\""),
        Fault(name: "a result where none is meant", body: "answer(result={'a': 1})", says: "unknown member \"a\""),
        Fault(name: "a result that is a list", body: "answer(result=[])", says: "not an object"),
        Fault(name: "an unknown code", body: "answer(False, code='NO', reason='so')", says: "\"code\""),
        Fault(name: "the agent's own code", body: "answer(False, code='INTERNAL', reason='so')", says: "\"code\""),
        Fault(name: "no reason", body: "answer(False, code='NOT_FOUND')", says: "without a \"reason\""),
        Fault(
            name: "a reason that moves the cursor", body: "answer(False, code='NOT_FOUND', reason='a\\x1b[2Jb')",
            says: "cannot be shown"),
        Fault(
            name: "an endless reason", body: "answer(False, code='NOT_FOUND', reason='a' * 501)", says: "more than 500"),
        Fault(
            name: "endless complaints", body: "while True: os.write(2, b'e' * 4096)",
            says: "65536 bytes to standard error"),
        Fault(
            name: "a file", body: "os.write(os.open('/var/tmp', os.O_TMPFILE | os.O_WRONLY), b'a'); answer()",
            says: "status 1"),
        Fault(name: "the network", body: "socket.socket(socket.AF_INET); answer()", says: "status 1"),
        Fault(name: "another program's socket", body: "socket.socket(socket.AF_UNIX); answer()", says: "status 1"),
        Fault(
            name: "a session of its own", body: "os.fork() or os.setsid(); os.setpgid(0, 0); answer()", says: "status 1"
        ),
        Fault(name: "too much memory", body: "data = bytearray(400 << 20); answer()", says: "status 1"),
        Fault(name: "many files", body: "[os.dup(1) for _ in range(100)]; answer()", says: "status 1"),
    ]

    @Test("what a plugin does wrong fails its order, and the error names it", arguments: faults)
    func fails(_ fault: Fault) throws {
        var folder = try PluginFolder()
        folder.limits.outputBytes = 8192
        try folder.add("faulty", fault.body)
        let plugin = try folder.plugin("faulty")
        let error = try refusal { try plugin.validate(try PluginFolder.order("faulty")) }
        #expect(error.code == fault.code)
        #expect(error.message.contains("plugin faulty"))
        #expect(error.message.contains(fault.says), "\(error)")
    }

    /// Ways not to come to an end.
    static let hangs = [
        "time.sleep(600)", "answer(); time.sleep(600)", "os.close(0); os.close(1); time.sleep(600)",
        "signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)", "while True: pass",
        "os.kill(os.getpid(), signal.SIGSTOP)",
    ]

    @Test("a plugin that hangs is ended at its time", arguments: hangs)
    func endsWhatHangs(_ body: String) throws {
        var folder = try PluginFolder()
        try folder.add("slow", body)
        folder.limits.milliseconds = 4000
        let plugin = try folder.plugin("slow")
        let error = try refusal { try plugin.validate(try PluginFolder.order("slow")) }
        #expect(error.code == .unavailable)
        #expect(error.message.contains("plugin slow was ended: it did not finish within 4000 ms"))
    }

    @Test("what a plugin leaves running ends with it, and does not delay its answer")
    func leavesNothing() throws {
        let folder = try PluginFolder()
        // The child holds all of the plugin's descriptors, and tells its number first.
        try folder.add(
            "parent",
            "child = os.fork()\nif child:\n    answer(False, code='NOT_FOUND', reason=str(child))\nelse:\n    time.sleep(600)"
        )
        let plugin = try folder.plugin("parent")
        let error = try refusal { try plugin.validate(try PluginFolder.order("parent")) }
        #expect(error.code == .notFound)
        let child = try #require(pid_t(error.message.split(separator: " ").last ?? ""))
        // Killed; a zombie until init takes it.
        try eventually("the child to end") {
            let state = (try? String(contentsOfFile: "/proc/\(child)/stat", encoding: .utf8)) ?? ""
            return state.isEmpty || state.contains(") Z ")
        }
    }

    @Test("a plugin has nothing of the agent's")
    func hasNothing() throws {
        let secret = open("/dev/null", O_RDONLY)
        defer { close(secret) }
        let ours = Set(ProcessInfo.processInfo.environment.keys)
        #expect(
            !ours.isSubset(of: ["DTA_PLUGIN", "HOME", "LANG", "PATH"]), "else it would not be seen that it gets none")
        let folder = try PluginFolder()
        try folder.add(
            "curious",
            """
            found = {
                "descriptors": sorted(int(name) for name in os.listdir("/proc/self/fd")),
                "environment": sorted(os.environ), "directory": os.getcwd(),
                "leads": os.getsid(0) == os.getpid() == os.getpgid(0),
                "blocked": sorted(signal.pthread_sigmask(signal.SIG_BLOCK, [])),
                "core": resource.getrlimit(resource.RLIMIT_CORE)[1], "memory": resource.getrlimit(resource.RLIMIT_AS)[1],
                "written": resource.getrlimit(resource.RLIMIT_FSIZE)[1], "processor": resource.getrlimit(resource.RLIMIT_CPU)[1],
                "tasks": resource.getrlimit(resource.RLIMIT_NPROC)[1] < 100000}
            answer(False, code="NOT_FOUND", reason=json.dumps(found, sort_keys=True))
            """)
        let plugin = try folder.plugin("curious")
        let error = try refusal { try plugin.validate(try PluginFolder.order("curious")) }
        let expected = """
            {"blocked": [], "core": 0, "descriptors": [0, 1, 2, 3], "directory": "/", \
            "environment": ["DTA_PLUGIN", "HOME", "LANG", "PATH"], "leads": true, "memory": 268435456, "processor": 21, \
            "tasks": true, "written": 0}
            """
        // 3 is the directory that is being listed.
        #expect(error.message == "the plugin curious refuses: \(expected)")
    }

    #if arch(x86_64)
        @Test(
            "a plugin reaches no namespace, no other process, nothing that outlives it, and no odd part of the kernel")
        func refusedCalls() throws {
            let folder = try PluginFolder()
            // Numbers of x86-64, with arguments that root is not refused by others than the filter. What is answered
            // otherwise than by EPERM is told.
            try folder.add(
                "caller",
                """
                import ctypes
                libc, parent, nothing = ctypes.CDLL(None, use_errno=True), os.getppid(), ctypes.c_void_p()
                libc.syscall.restype = ctypes.c_long
                calls = {"socket": (41, 1, 1, 0), "socketpair": (53, 1, 2, 0, nothing),
                    "connect": (42, 0, nothing, 0), "bind": (49, 0, nothing, 0), "unshare": (272, 0x40000000),
                    "setns": (308, -1, 0), "mount": (165,), "umount2": (166, nothing, 0), "pivot_root": (155,), "chroot": (161, b"/"),
                    "move_mount": (429, -1), "open_tree": (428, -1, b"/", 0), "fsopen": (430, b"tmpfs", 0), "fsmount": (432, -1),
                    "mount_setattr": (442, -1), "open_by_handle_at": (304, -1), "ptrace": (101, 16, parent, 0, 0),
                    "process_vm_readv": (310, parent, nothing, 0, nothing, 0, 0), "kcmp": (312, parent, parent, 2, 0, 0),
                    "pidfd_getfd": (438, -1, 0, 0), "pidfd_send_signal": (424, 0, 0), "tkill": (200, parent, 0),
                    "rt_sigqueueinfo": (129, parent, 0, nothing), "kill": (62, parent, 0), "kill all": (62, -1, 0),
                    "kill init": (62, 1, 0), "tgkill": (234, parent, parent, 0), "prlimit64": (302, parent, 7, nothing, nothing),
                    "sched_setaffinity": (203, parent, 0, nothing), "setpriority": (141, 0, parent, 0),
                    "clone": (56, 0x40000000 | 17, 0, 0, 0, 0), "clone user": (56, 0x10000000 | 17, 0, 0, 0, 0),
                    "shmget": (29, 0, 4096, 0o600), "msgget": (68, 0, 0o600), "semget": (64, 0, 1, 0o600),
                    "mq_open": (240, b"dta-test", 0o102, 0o600, nothing), "keyctl": (250, 0, -2, 0), "io_uring_setup": (425, 1, nothing),
                    "bpf": (321, -1, nothing, 0), "perf_event_open": (298, nothing, 0, -1, -1, 0), "userfaultfd": (323, 0),
                    "personality": (135, 0xffffffff), "delete_module": (176, nothing, 0), "clock_settime": (227, 0, nothing)}
                wrong = []
                for name, (number, *arguments) in calls.items():
                    ctypes.set_errno(0)
                    result = libc.syscall(number, *arguments)
                    if result == 0 and name.startswith("clone"): os._exit(7)
                    if result != -1 or ctypes.get_errno() != 1: wrong.append(f"{name}: {result} {ctypes.get_errno()}")
                ctypes.set_errno(0)
                if libc.syscall(435, nothing, 0) != -1 or ctypes.get_errno() != 38: wrong.append("clone3")
                answer(False, code="NOT_FOUND", reason="wrong: " + ", ".join(wrong))
                """)
            let plugin = try folder.plugin("caller")
            let error = try refusal { try plugin.validate(try PluginFolder.order("caller")) }
            #expect(error.message == "the plugin caller refuses: wrong: ")
        }
    #endif

    /// Ways to change or read what belongs to the user that a plugin runs as: Python, with `victim` a file and `folder` its
    /// folder. Each is told that works.
    static let intrusion = """
        import ctypes, mmap, socket
        libc = ctypes.CDLL(None, use_errno=True)
        def shared(flags, protection):
            number = os.open(victim, flags)
            view = mmap.mmap(number, 4096, mmap.MAP_SHARED, protection)
            view[0:4] = b"evil"
        def upgraded():
            # Mapped for reading first.
            libc.mmap.restype = ctypes.c_void_p
            address = libc.mmap(None, 4096, 1, 1, os.open(victim, os.O_RDWR), 0)
            if address == 2 ** 64 - 1 or libc.mprotect(ctypes.c_void_p(address), 4096, 3): raise OSError
            ctypes.memmove(address, b"evil", 4)
        def shrunk():
            os.ftruncate(os.open(victim, os.O_RDWR), 1)
        def punched():
            libc.fallocate.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_long, ctypes.c_long]
            if libc.fallocate(os.open(victim, os.O_RDWR), 3, 0, 4096): raise OSError
        def copied():
            os.copy_file_range(os.open("/usr/bin/env", os.O_RDONLY), os.open(victim, os.O_RDWR), 100)
        def sent():
            os.sendfile(os.open(victim, os.O_RDWR), os.open("/usr/bin/env", os.O_RDONLY), 0, 100)
        changes = {
            "write": lambda: os.pwrite(os.open(victim, os.O_RDWR), b"evil", 0),
            "append": lambda: os.write(os.open(victim, os.O_WRONLY | os.O_APPEND), b"evil"),
            "mmap": lambda: shared(os.O_RDWR, mmap.PROT_READ | mmap.PROT_WRITE), "mprotect": upgraded,
            "truncate": lambda: os.truncate(victim, 1), "ftruncate": shrunk, "fallocate": punched,
            "O_TRUNC": lambda: os.open(victim, os.O_RDONLY | os.O_TRUNC), "w": lambda: open(victim, "w"),
            "copy_file_range": copied, "sendfile": sent,
            "unlink": lambda: os.unlink(victim), "rename": lambda: os.rename(victim, folder + "/other"),
            "replace": lambda: os.replace(folder + "/second", victim), "link": lambda: os.link(victim, folder + "/name"),
            "symlink": lambda: os.symlink("/", folder + "/name"), "mkdir": lambda: os.mkdir(folder + "/name"),
            "rmdir": lambda: os.rmdir(folder + "/empty"), "mkfifo": lambda: os.mkfifo(folder + "/name"),
            "create": lambda: os.open(folder + "/name", os.O_CREAT | os.O_WRONLY, 0o600),
            "O_TMPFILE": lambda: os.open(folder, os.O_TMPFILE | os.O_RDWR, 0o600),
            "chmod": lambda: os.chmod(victim, 0o666), "fchmod": lambda: os.fchmod(os.open(folder, os.O_RDONLY), 0o777),
            "chmod folder": lambda: os.chmod(folder, 0o777), "chown": lambda: os.chown(victim, 1, 1),
            "utime": lambda: os.utime(victim, (0, 0)), "setxattr": lambda: os.setxattr(victim, "user.evil", b"1")}
        reads = {"read": lambda: os.open(victim, os.O_RDONLY), "list": lambda: os.listdir(folder),
            "through proc": lambda: os.open("/proc/self/root" + victim, os.O_RDONLY),
            "parent": lambda: os.open(f"/proc/{os.getppid()}/environ", os.O_RDONLY)}
        def those(ways):
            worked = []
            for name, way in ways.items():
                try:
                    way()
                    worked.append(name)
                except OSError:
                    pass
            return worked
        """

    @Test(
        "a plugin neither changes nor reads a file of the user that it runs as; without Landlock it reads and empties them",
        arguments: [true, false])
    func changesNothing(hasLandlock: Bool) throws {
        if hasLandlock, let shortfall = PluginFileRules.shortfall {
            // Then dtad says so at start and in its status, and `dtad check` does.
            #expect(shortfall.hasPrefix("Landlock: "))
            return
        }
        let place = try TemporaryDirectory()
        let content = [UInt8](repeating: 7, count: 8192)
        for name in ["victim", "second"] { try place.write(name, content) }
        mkdir(place.file("empty"), 0o700)
        let folder = try PluginFolder()
        let variables = "folder, victim = \"\(place.path)\", \"\(place.file("victim"))\"\n"
        try folder.add(
            "intruder",
            variables + Self.intrusion
                + "\nanswer(False, code=\"NOT_FOUND\", reason=json.dumps([those(changes), those(reads)]))")
        let path = folder.directory.file("dta-plugin-intruder")
        let rules = hasLandlock ? try PluginFileRules.make(for: path) : nil
        let child = try PluginChild(path, folder.limits, rules: rules)
        let deadline = monotonicNanoseconds() + UInt64(folder.limits.milliseconds) * 1_000_000
        let answer = try PluginExchange.run(
            Array("{\"hook\":\"validate\",\"id\":\"00\"}\n".utf8), on: child.channel, child: child,
            limits: folder.limits, deadline: deadline, complaints: { print(String(decoding: $0, as: UTF8.self)) })
        let text = String(decoding: answer, as: UTF8.self)
        guard hasLandlock else {
            // What the filter alone leaves: it cannot tell /dev/null from a file that is opened in the same way.
            #expect(text.contains(#""[[\"w\", \"create\", \"O_TMPFILE\"], [\"read\", "#), "\(text)")
            return
        }
        #expect(text.contains("\"[[], []]\""), "\(text)")
        for name in ["victim", "second"] {
            #expect(try [UInt8](Data(contentsOf: URL(fileURLWithPath: place.file(name)))) == content, "\(name)")
        }
        let names = try FileManager.default.contentsOfDirectory(atPath: place.path).sorted()
        #expect(names == ["empty", "second", "victim"])
        let mode = try FileManager.default.attributesOfItem(atPath: place.file("victim"))[.posixPermissions] as? Int
        #expect(mode == 0o600)
    }

    @Test("a plugin may have threads, pipes and other programs, and signal itself and its group")
    func mayDo() throws {
        let folder = try PluginFolder()
        try folder.add(
            "busy",
            """
            import subprocess, threading
            said = []
            threads = [threading.Thread(target=lambda: said.append(1)) for _ in range(4)]
            for thread in threads: thread.start()
            for thread in threads: thread.join()
            said.append(subprocess.run(["/bin/sh", "-c", "echo $((6 * 7)) | cat"], capture_output=True, check=True).stdout)
            signal.signal(signal.SIGUSR1, lambda *_: said.append("signal"))
            os.kill(os.getpid(), signal.SIGUSR1)
            os.killpg(os.getpgid(0), signal.SIGUSR1)
            assert said == [1, 1, 1, 1, b"42\\n", "signal", "signal"], said
            assert resource.getrlimit(resource.RLIMIT_CORE) == (0, 0)
            answer()
            """)
        try folder.plugin("busy").validate(try PluginFolder.order("busy"))
    }

    @Test("a plugin that does not read its request may answer it")
    func readsNothing() throws {
        let folder = try PluginFolder()
        // Its line is taken from the buffer; the rest of a request of 900 KB stays in the socket.
        try folder.write(
            "deaf",
            """
            #!/bin/sh
            head=$(dd bs=80 count=1 2>/dev/null)
            id=${head#*'"id":"'} && id=${id%%\\"*}
            case $head in
            *hello*) result='{"type":"deaf","summary":"A test.","keeps":"agent","fields":[{"name":"blob","kind":"bytes","required":true,"explanation":"any"}]}' ;;
            *) result='{}' ;;
            esac
            printf '{"dta":"dta/plugin/1","id":"%s","ok":true,"result":%s}\\n' "$id" "$result"
            """)
        let plugin = try folder.plugin("deaf")
        let large = OrderFieldValue.bytes([UInt8](repeating: 7, count: 600 << 10))
        try plugin.validate(try PluginFolder.order("deaf", ["blob": large]))
        let larger = OrderFieldValue.bytes([UInt8](repeating: 7, count: 900 << 10))
        let error = try refusal { try plugin.validate(try PluginFolder.order("deaf", ["blob": larger])) }
        #expect(error.code == .invalidArgument)
    }

    @Test("a plugin's complaints are handed on, and made harmless")
    func complains() throws {
        let folder = try PluginFolder()
        try folder.add("loud", "os.write(2, b'bad \\x1b[2J thing'); answer()")
        let told = Locked([String]())
        try folder.plugin("loud") { line in told.withLock { $0.append(line) } }.validate(try PluginFolder.order("loud"))
        #expect(told.withLock { $0 } == ["the plugin loud says: bad ?[2J thing"])
    }
}
