import DTAFormats
import DTASystem
import Foundation
import Glibc
import TestSupport
import Testing

@testable import DTAPlugins

/// A directory of real plugins, and the host that runs them.
struct PluginFolder {
    let directory: TemporaryDirectory
    var limits = PluginLimits()

    init() throws {
        directory = try TemporaryDirectory()
        limits.milliseconds = 20_000
    }

    /// Adds a plugin in Python that says hello properly and does `body` for everything else. In it: `request`, `say(bytes)`,
    /// and `answer(ok=True, **more)`, which writes a proper answer.
    func add(_ name: String, keeps: String = "agent", _ body: String) throws {
        let indented = body.split(separator: "\n", omittingEmptySubsequences: false).map { "    \($0)\n" }.joined()
        try write(
            name,
            """
            #!/usr/bin/python3 -IB
            import json, os, resource, signal, socket, sys, time
            request = json.loads(sys.stdin.buffer.readline())
            def say(data):
                os.write(1, data)
            def answer(ok=True, **more):
                say(json.dumps({"dta": "dta/plugin/1", "id": request["id"], "ok": ok, **more}).encode() + b"\\n")
            if request["hook"] == "hello":
                answer(result={"type": "\(name)", "summary": "A test.", "keeps": "\(keeps)", "fields": [
                    {"name": "note", "kind": "text", "required": False, "explanation": "anything"},
                    {"name": "blob", "kind": "bytes", "required": False, "explanation": "anything"},
                    {"name": "size", "kind": "integer", "required": False, "explanation": "anything"}]})
            else:
            \(indented)
            """)
    }

    func write(_ name: String, _ text: String, mode: mode_t = 0o755) throws {
        try directory.write("dta-plugin-\(name)", text, mode: mode)
    }

    /// The plugins of Examples/plugins.
    func addExamples() throws {
        let examples = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appendingPathComponent("Examples/plugins").path
        for name in try FileManager.default.contentsOfDirectory(atPath: examples) where name.hasPrefix("dta-plugin-") {
            try directory.write(name, try String(contentsOfFile: examples + "/" + name, encoding: .utf8), mode: 0o755)
        }
    }

    func host(_ run: PluginHost.Run = .ownUser, log: @escaping @Sendable (String) -> Void = { _ in }) -> PluginHost {
        PluginHost(directory: directory.path, run: run, limits: limits, log: log)
    }

    func plugin(_ name: String, log: @escaping @Sendable (String) -> Void = { _ in }) throws -> ExternalPlugin {
        let (plugins, problems) = try host(log: log).load()
        guard let plugin = plugins.first(where: { $0.type.name == name }) else {
            throw TestFailure("no plugin \(name): \(problems.map { "\($0.name): \($0.reason)" })")
        }
        return plugin
    }

    static func cid(_ text: String) -> CID { CID(hashing: Array(text.utf8), codec: .dagCBOR) }

    static func order(_ type: String, _ fields: [String: OrderFieldValue] = [:]) throws -> PluginOrder {
        let terms = try OrderTerms(
            fiduciary: cid("bank"), principal: cid("mira"), redeemers: [cid("mira")], recipient: cid("mira"))
        return PluginOrder(
            cid: cid("part 1"), reference: "aaaqeayeaudaocajbifqydiob4",
            kind: try #require(PluginType(type)),
            terms: terms, fields: fields)
    }

    static func redemption(_ request: [String: OrderFieldValue] = [:]) throws -> PluginRedemption {
        PluginRedemption(
            cid: cid("part 3"), use: 1, redeemer: cid("mira"), purpose: "to \"see\" it\n",
            request: request)
    }
}

/// The error of something that must fail.
func refusal(_ body: () throws -> Void) throws -> DTAError {
    do { try body() } catch let error as DTAError { return error }
    throw TestFailure("it was not refused")
}
