import Foundation
import TestSupport
import Testing

/// The scripts of Tests/CommandTests/scripts. Those in scripts/offline run without an agent, the others with one of their
/// own each; those in scripts/root take root.
@Suite("Commands", .ownThread)
struct CommandTests {
    @Test("dtactl with an agent behaves as the script says", arguments: try scripts(in: "scripts"))
    func withAgent(name: String) throws {
        let agent = try TestHost().agent
        var variables = ["SOCKET": agent.socketPath, "STATE": agent.state]
        // Another host, for the scripts that name it.
        let needsOther = try text(of: "scripts/" + name).contains("$OTHER")
        let other = needsOther ? try TestHost().agent : nil
        variables["OTHER"] = other?.socketPath
        try carryOut("scripts/" + name, variables)
        other?.stop()
    }

    @Test(
        "dtactl with agents that run plugins behaves as the script says",
        .enabled(if: geteuid() == 0, "plugins belong to root"), arguments: try scripts(in: "scripts/root"))
    func asRoot(name: String) throws {
        let agent = try TestHost().agent
        try carryOut("scripts/root/" + name, ["SOCKET": agent.socketPath, "STATE": agent.state])
    }

    @Test("dtactl without an agent behaves as the script says", arguments: try scripts(in: "scripts/offline"))
    func withoutAgent(name: String) throws {
        try carryOut("scripts/offline/" + name, ["SOCKET": "/nonexistent/agent.sock"])
    }

    @Test("a script that claims what is not so fails, and says where")
    func canFail() throws {
        for (text, said) in [
            ("exec false", "x:1: exit status 1"), ("\n\nexit 2 true", "x:3: exit status 0"),
            ("exec echo hello\nstdout bye", "x:2: expected"), ("exec echo hello\n! stdout hello", "x:2: not expected"),
            ("cmp a b\n-- a --\n1\n-- b --\n2", "x:1: expected"), ("nonsense", "is no verb"),
        ] {
            let error = #expect(throws: TestFailure.self) {
                let directory = try TemporaryDirectory()
                var run = try ScriptRun(Script(name: "x", text: text), in: directory, variables: [:])
                try run.run()
            }
            #expect(error?.description.contains(said) == true, "\(error?.description ?? "")")
        }
    }

    private func text(of path: String) throws -> String {
        try String(contentsOf: folder.appending(path: path), encoding: .utf8)
    }

    private func carryOut(_ path: String, _ variables: [String: String]) throws {
        let text = try text(of: path)
        let directory = try TemporaryDirectory()
        var all = variables
        all["DTA_SOCKET"] = variables["SOCKET"]
        all["WORK"] = directory.path
        all["EXAMPLES"] = folder.appending(path: "../../Examples").standardizedFileURL.path
        all["TZ"] = "UTC"
        all["DTACTL"] = try Binary.path("dtactl")
        all["DTAD"] = try Binary.path("dtad")
        all["PYTHONDONTWRITEBYTECODE"] = "1"
        var run = try ScriptRun(Script(name: path, text: text), in: directory, variables: all)
        try run.run()
    }
}

private let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()

private func scripts(in path: String) throws -> [String] {
    let names = try FileManager.default.contentsOfDirectory(atPath: folder.appending(path: path).path)
    return names.filter { $0.hasSuffix(".txt") }.sorted()
}
