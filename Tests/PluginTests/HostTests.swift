import DTABytes
import DTAFormats
import DTASystem
import Foundation
import TestSupport
import Testing

@testable import DTAPlugins

@Suite("The host of plugins", .ownThread)
struct HostTests {
    @Test("every hook of a plugin gives what the plugin said, whatever characters there are")
    func hooks() throws {
        let folder = try PluginFolder()
        try folder.add(
            "whole", keeps: "plugin",
            """
            import base64
            hook, order = request["hook"], request["order"]
            assert order["type"] == "whole" and order["fields"]["note"] == 'a "quoted"\\n\\u00e4\\U0001f511\\x00'
            assert order["fields"]["size"] == -2 ** 63
            assert base64.b64decode(order["fields"]["blob"]["base64"]) == bytes(range(256))
            assert order["terms"]["max_uses"] == 1 and order["terms"]["approvers"] == []
            if hook == "commit":
                answer(result={"commitment": base64.b64encode(b"public").decode(), "proof": "", "fields": {"n": -5},
                    "state": base64.b64encode(bytes(range(256)) * 256).decode()})
            elif hook == "release":
                assert base64.b64decode(request["state"]) == bytes(range(256)) * 256
                assert request["redemption"]["purpose"] == 'to "see" it\\n' and request["redemption"]["use"] == 1
                answer(result={"fields": {"secret": {"base64": "AAE="}, "text": "\\u00e4", "number": 2 ** 63 - 1}})
            elif hook == "prepare":
                answer(False, code="PERMISSION_DENIED", reason="not you", hint="ask him") if request["redemption"]["request"] else answer()
            else:
                answer(result={})
            """)
        let plugin = try folder.plugin("whole")
        #expect(plugin.keeps == .plugin)
        #expect(plugin.fields.map(\.name) == ["note", "blob", "size"])
        let order = try PluginFolder.order(
            "whole",
            ["note": .text("a \"quoted\"\nä🔑\0"), "blob": .bytes(Array(0...255)), "size": .integer(.min)])
        try plugin.validate(order)
        let commitment = try #require(try plugin.commit(order))
        #expect(commitment.commitment == Array("public".utf8))
        #expect(commitment.fields["n"] == .integer(-5))
        #expect(commitment.state.count == 64 << 10)
        try plugin.prepare(order, try PluginFolder.redemption())
        let refused = try refusal {
            try plugin.prepare(order, try PluginFolder.redemption(["pin": .text("1")]))
        }
        #expect(refused == DTAError(.permissionDenied, "the plugin whole refuses: not you", hint: "ask him"))
        let result = try plugin.release(order, try PluginFolder.redemption(), state: commitment.state)
        #expect(
            result == ["secret": .bytes([0, 1]), "text": .text("ä"), "number": .integer(.max)])
    }

    /// Results of commit and release that are not what they must be.
    static let lies: [(hook: String, result: String, says: String)] = [
        ("commit", "{}", "no \"commitment\""), ("commit", "{'commitment': ''}", "1 to 1024 bytes"),
        ("commit", "{'commitment': 'AAE'}", "base64"), ("commit", "{'commitment': 'AA=='*1}", ""),
        ("commit", "{'commitment': 'AB=='}", "base64"), ("commit", "{'commitment': 5}", "base64"),
        ("commit", "{'commitment': 'AAE=', 'state': 'AAAA' * 30000}", "0 to 65536 bytes"),
        ("commit", "{'commitment': 'AAE=', 'fields': {'A': 1}}", "a field \"A\""),
        ("commit", "{'commitment': 'AAE=', 'fields': {'a': True}}", "a field \"a\""),
        ("commit", "{'commitment': 'AAE=', 'fields': {'a': {'base64': 'AAE=', 'more': 1}}}", "a field \"a\""),
        ("commit", "{'commitment': 'AAE=', 'fields': {'f%d' % n: n for n in range(33)}}", "an order cannot have"),
        ("commit", "{'commitment': 'AAE=', 'secret': 'a'}", "unknown member \"secret\""),
        ("release", "{}", "no \"fields\""), ("release", "{'fields': []}", "not an object"),
        ("release", "{'fields': {'a': None}}", "a field \"a\""),
    ]

    @Test("a commitment or result of a plugin that has another shape is refused", arguments: lies.indices)
    func refusesLies(_ index: Int) throws {
        let lie = Self.lies[index]
        let folder = try PluginFolder()
        try folder.add("liar", keeps: "plugin", "answer(result=\(lie.result))")
        let plugin = try folder.plugin("liar")
        let order = try PluginFolder.order("liar")
        func call() throws {
            if lie.hook == "commit" {
                _ = try plugin.commit(order)
            } else {
                _ = try plugin.release(order, try PluginFolder.redemption(), state: SecretReference(copying: []))
            }
        }
        if lie.says.isEmpty { return try call() }
        let error = try refusal(call)
        #expect(error.code == .internal)
        #expect(
            error.message.contains("plugin liar broke the protocol") && error.message.contains(lie.says), "\(error)")
    }

    @Test("a plugin that lets the agent keep the secret cannot give one, and makes no commitment")
    func agentKeeps() throws {
        let folder = try PluginFolder()
        try folder.add(
            "judge", "answer(result={'commitment': 'AAE='} if request['order']['fields'] else {'fields': {'seen': 1}})")
        let plugin = try folder.plugin("judge")
        let made = try #require(try plugin.commit(try PluginFolder.order("judge")))
        #expect(made == PluginCommitment(fields: ["seen": .integer(1)]))
        #expect(throws: DTAError.self) { try plugin.commit(try PluginFolder.order("judge", ["note": .text("a")])) }
        let error = try refusal {
            _ = try plugin.release(
                try PluginFolder.order("judge"), try PluginFolder.redemption(), state: SecretReference(copying: []))
        }
        #expect(error.code == .failedPrecondition)
    }

    @Test("an order's fields are checked before the plugin is asked")
    func fields() throws {
        let folder = try PluginFolder()
        try folder.add("any", "answer()")
        let plugin = try folder.plugin("any")
        func refused(_ fields: [String: OrderFieldValue]) throws -> String {
            try refusal { try plugin.validate(try PluginFolder.order("any", fields)) }.message
        }
        #expect(try refused(["other": .text("a")]) == "an order of type any has no field other")
        #expect(try refused(["note": .integer(1)]) == "an order of type any has a field note that is not text")
        try plugin.validate(try PluginFolder.order("any", ["note": .text("")]))
    }

    @Test("a plugin's file that others could have written, or that is no plain program, is not run")
    func files() throws {
        let folder = try PluginFolder()
        try folder.add("good", "answer()")
        try folder.write("writable", "#!/bin/sh\n", mode: 0o775)
        try folder.write("idle", "#!/bin/sh\n", mode: 0o644)
        try folder.write("setuid", "#!/bin/sh\n", mode: 0o4755)
        try folder.write("other", "#!/bin/sh\n")
        try #require(chown(folder.directory.file("dta-plugin-other"), 33, 0) == 0)
        symlink("/bin/true", folder.directory.file("dta-plugin-link"))
        symlink("dta-plugin-good", folder.directory.file("dta-plugin-near"))
        mkdir(folder.directory.file("dta-plugin-folder"), 0o755)
        try folder.write("Capital", "#!/bin/sh\n")
        try folder.write("mute", "#!/bin/sh\n")
        try folder.write("script", "no interpreter\n")
        try folder.directory.write("README", "not a plugin", mode: 0o644)
        try folder.write(
            "false", try String(contentsOfFile: folder.directory.file("dta-plugin-good"), encoding: .utf8))
        let (plugins, problems) = try folder.host().load()
        #expect(plugins.map(\.type.name) == ["good"])
        let reasons = Dictionary(uniqueKeysWithValues: problems.map { ($0.name, $0.reason.message) })
        #expect(
            reasons.keys.sorted() == [
                "Capital", "false", "folder", "idle", "link", "mute", "near", "other", "script", "setuid", "writable",
            ])
        #expect(reasons["writable"]?.hasSuffix("can be written by others than root") == true)
        #expect(reasons["idle"]?.hasSuffix("cannot be executed") == true)
        #expect(reasons["setuid"]?.hasSuffix("runs as another user or group") == true)
        #expect(reasons["other"]?.hasSuffix("does not belong to root") == true)
        for name in ["link", "near", "folder"] { #expect(reasons[name]?.hasSuffix("is not a plain file") == true) }
        #expect(reasons["mute"] == "the plugin mute failed: it ended without an answer")
        #expect(reasons["script"]?.hasSuffix("Exec format error") == true)
        #expect(reasons["false"] == "the plugin false broke the protocol: it calls itself \"good\"")
    }

    @Test("a directory of plugins in which others than root can write is not used, nor one below such")
    func directories() throws {
        let folder = try PluginFolder()
        try folder.add("good", "answer()")
        chmod(folder.directory.path, 0o777)
        #expect(try refusal { _ = try folder.host().load() }.message.contains("others than root can write"))
        chmod(folder.directory.path, 0o1777)
        #expect(try refusal { _ = try folder.host().load() }.message.contains("others than root can write"))
        chmod(folder.directory.path, 0o755)
        _ = try folder.host().load()
        let above = try TemporaryDirectory()
        let below = above.file("plugins")
        mkdir(below, 0o755)
        try #require(chown(above.path, 33, 33) == 0)
        let host = PluginHost(directory: below, run: .ownUser, limits: PluginLimits())
        #expect(try refusal { _ = try host.load() }.message.contains("others than root can write"))
        let missing = PluginHost(directory: above.file("none"), run: .ownUser, limits: PluginLimits())
        #expect(try refusal { _ = try missing.load() }.code == .failedPrecondition)
    }

    @Test("a link on the way to the plugins' directory may change afterwards: the file that was looked at is what runs")
    func links() throws {
        let good = try PluginFolder()
        try good.add("which", "answer(False, code='NOT_FOUND', reason='good')")
        let evil = try PluginFolder()
        try evil.add("which", "answer(False, code='NOT_FOUND', reason='evil')")
        let place = try TemporaryDirectory()
        try #require(symlink(good.directory.path, place.file("plugins")) == 0)
        let host = PluginHost(directory: place.file("plugins"), run: .ownUser, limits: good.limits)
        let plugin = try #require(try host.load().plugins.first)
        unlink(place.file("plugins"))
        try #require(symlink(evil.directory.path, place.file("plugins")) == 0)
        let error = try refusal { try plugin.validate(try PluginFolder.order("which")) }
        #expect(error.message == "the plugin which refuses: good")
    }

    @Test("a field of a plugin's order may be secret, and nothing else than true or false")
    func secretFields() throws {
        func hello(_ secret: String) throws -> PluginFolder {
            let folder = try PluginFolder()
            try folder.write(
                "quiet",
                """
                #!/usr/bin/python3 -IB
                import json, sys
                id = json.loads(sys.stdin.readline())["id"]
                fields = [{"name": "pin", "kind": "text", "required": True, "explanation": "A test.", \(secret)}]
                print(json.dumps({"dta": "dta/plugin/1", "id": id, "ok": True,
                    "result": {"type": "quiet", "summary": "A test.", "keeps": "agent", "fields": fields}}))
                """)
            return folder
        }
        for (text, isSecret) in [("\"secret\": True", true), ("\"secret\": False", false), ("", false)] {
            let folder = try hello(text)
            #expect(try folder.plugin("quiet").fields.map(\.isSecret) == [isSecret])
        }
        let folder = try hello("\"secret\": 1")
        let (plugins, problems) = try folder.host().load()
        #expect(plugins.isEmpty)
        #expect(problems.first?.reason.message.contains("has a \"secret\" that is neither") == true)
    }

    @Test("if plugins are off, no plugin is looked for")
    func off() throws {
        let host = PluginHost(directory: "/nowhere", run: .off, limits: PluginLimits())
        #expect(try host.load().plugins.isEmpty)
    }

    @Test("plugins that hang at hello cost one time limit together, and the others are there")
    func hello() throws {
        var folder = try PluginFolder()
        folder.limits.milliseconds = 3000
        for number in 0..<8 { try folder.write("hang\(number)", "#!/bin/sh\nsleep 600\n") }
        try folder.add("good", "answer()")
        let (plugins, problems) = try folder.host().load()
        #expect(plugins.map(\.type.name) == ["good"])
        #expect(problems.count == 8 && problems.allSatisfy { $0.reason.code == .unavailable })
    }

    @Test("a plugin that systemd starts for each connection is spoken to in the same way")
    func sockets() throws {
        var folder = try PluginFolder()
        try folder.addExamples()
        try folder.add("slow", "time.sleep(600)")
        try folder.add("crash", "sys.exit(3)")
        try folder.write("away", "#!/bin/sh\n")
        let sockets = try TemporaryDirectory()
        chmod(sockets.path, 0o755)
        var activators: [Subprocess] = []
        for name in ["office-hours", "shamir", "slow", "crash"] {
            activators.append(
                try Subprocess(
                    "/usr/bin/systemd-socket-activate",
                    [
                        "--accept", "--inetd", "--listen", sockets.file("\(name).sock"),
                        folder.directory.file("dta-plugin-\(name)"),
                    ],
                    descriptors: [2: open("/dev/null", O_WRONLY | O_CLOEXEC)]))
            try eventually("the socket of \(name)") { access(sockets.file("\(name).sock"), F_OK) == 0 }
        }
        folder.limits.milliseconds = 10_000
        let (plugins, problems) = try folder.host(.service(sockets: sockets.path)).load()
        #expect(plugins.map(\.type.name) == ["crash", "office-hours", "shamir", "slow"])
        #expect(problems.map(\.name) == ["away"])
        #expect(problems.first?.reason.code == .unavailable)
        folder.limits.milliseconds = 4000
        let (again, _) = try folder.host(.service(sockets: sockets.path)).load()
        let slow = try #require(again.first { $0.type.name == "slow" })
        #expect(try refusal { try slow.validate(try PluginFolder.order("slow")) }.code == .unavailable)
        // Whoever is at the other end of a socket cannot be asked how it ended.
        let crash = try #require(again.first { $0.type.name == "crash" })
        #expect(
            try refusal { try crash.validate(try PluginFolder.order("crash")) }.message
                == "the plugin crash failed: it ended without an answer")
    }
}
