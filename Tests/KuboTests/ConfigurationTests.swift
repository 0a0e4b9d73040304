import DTAConfiguration
import DTASystem
import TestSupport
import Testing

@Suite(.ownThread) struct ConfigurationTests {
    private func load(_ lines: [String]) throws -> Configuration.Kubo? {
        let directory = try TemporaryDirectory()
        let text = (["hsm:", "  token: t", "ledger:", "  kubo:"] + lines.map { "    " + $0 }).joined(separator: "\n")
        return try Configuration.load(directory.write("dtad.yaml", text + "\n")).kubo
    }

    @Test("the configuration of an IPFS node is read with everything that can be said of it")
    func read() throws {
        let plain = try #require(try load(["api: unix:/run/ipfs/api.sock"]))
        #expect(plain.authorization == nil && !plain.api.needsNetwork && plain.readMilliseconds == 20_000)
        let full = try #require(
            try load([
                "api: https://ipfs.example.org:5001", "auth: basic", "credential: kubo-auth", "ca_file: /etc/ca.pem",
                "connect_timeout_ms: 100", "request_timeout_ms: 1000", "read_timeout_ms: 200", "retry_max_ms: 300",
            ]))
        #expect(full.authorization == .init(scheme: .basic, secret: .credential("kubo-auth")))
        #expect(full.certificateAuthorities == "/etc/ca.pem" && full.api.needsNetwork)
        #expect(full.connectMilliseconds == 100 && full.requestMilliseconds == 1000)
        #expect(full.readMilliseconds == 200 && full.retryMilliseconds == 300)
        let directory = try TemporaryDirectory()
        #expect(try Configuration.load(directory.write("d.yaml", "hsm: {token: t}\nledger:\n")).kubo == nil)
    }

    @Test(
        "a configuration of an IPFS node that is wrong or leaves something open is an error that names the key",
        arguments: [
            (["auth: bearer"], "api"), (["api: http://192.0.2.1:5001"], "ledger.kubo.api"),
            (["api: unix:/x", "auth: bearer"], "auth_file"), (["api: unix:/x", "auth_file: /y"], "auth:"),
            (["api: unix:/x", "auth: digest", "auth_file: /y"], "auth"),
            (["api: unix:/x", "auth: basic", "auth_file: /y", "credential: z"], "both"),
            (["api: unix:/x", "auth: basic", "credential: ../z"], "credential"),
            (["api: unix:/x", "ca_file: /y"], "ca_file"), (["api: unix:/x", "retry_max_ms: 1"], "retry_max_ms"),
            (["api: unix:/x", "token: secret"], "ledger.kubo.token"),
        ])
    func refused(_ lines: [String], _ named: String) throws {
        let error = #expect(throws: DTAError.self) { try load(lines) }
        #expect(error?.message.contains(named) == true, "\(error?.message ?? "")")
    }

    @Test("dtad check says whether the IPFS node answers, and what TCP takes")
    func check() throws {
        let node = try FakeNode {
            $0.contains("/version") ? .status(200, #"{"Version":"0.39.0"}"#) : .status(200, #"{"ID":"Qm1"}"#)
        }
        let agent = try TestAgent(starting: false)
        try agent.publish(to: node.api)
        let well = try run(Binary.path("dtad"), ["check", "--config", agent.configuration])
        #expect(well.status == 0 && well.text.contains("answers: Kubo 0.39.0, peer Qm1"))
        let other = try TestAgent(starting: false)
        try other.publish(to: "http://127.0.0.1:1")
        let away = try run(Binary.path("dtad"), ["check", "--config", other.configuration])
        #expect(away.status == 0, "a node that is away keeps no agent from running")
        #expect(away.text.contains("cannot be reached") && away.text.contains("kubo-tcp.conf"))
        let third = try TestAgent(starting: false)
        try third.publish(to: node.api, more: ["auth: bearer", "auth_file: /nonexistent/token"])
        let secret = try run(Binary.path("dtad"), ["check", "--config", third.configuration])
        #expect(secret.status == 1 && secret.text.contains("/nonexistent/token"))
    }
}
