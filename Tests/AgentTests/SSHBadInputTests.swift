import AgentProtocol
import Crypto
import DTABytes
import DTASSH
import DTASystem
import Foundation
import TestSupport
import Testing

/// A program that writes whatever it likes to ssh.sock.
private struct RawSSHClient {
    private let socket: Descriptor

    init(_ agent: TestAgent) throws {
        socket = try UnixSocket.connect(to: agent.sshSocketPath)
        try UnixSocket.setTimeout(socket.number, milliseconds: 30_000)
    }

    var descriptor: Int32 { socket.number }

    func send(_ bytes: [UInt8]) throws { try bytes.withUnsafeBytes { try UnixSocket.sendAll(socket.number, $0) } }

    /// The next answer without its length; nil at the end of the stream.
    func receive() throws -> [UInt8]? {
        guard let header = try exactly(4) else { return nil }
        return try exactly(Int(UInt32(bigEndianBytes: header)))
    }

    func ask(_ message: [UInt8]) throws -> [UInt8]? {
        try send(UInt32(message.count).bigEndianBytes + message)
        return try receive()
    }

    private func exactly(_ count: Int) throws -> [UInt8]? {
        var bytes: [UInt8] = []
        while bytes.count < count {
            var part = [UInt8](repeating: 0, count: count - bytes.count)
            let got = try part.withUnsafeMutableBytes { buffer in
                try UnixSocket.receive(socket.number, into: buffer.baseAddress!, capacity: buffer.count)
            }
            if got == 0 { return nil }
            bytes += part.prefix(got)
        }
        return bytes
    }
}

/// A host that a client is bound to.
private struct Server {
    private let secret = Curve25519.Signing.PrivateKey()

    var key: SSHPublicKey { .ed25519(Array(secret.publicKey.rawRepresentation)) }

    /// A message that binds to a session.
    func bind(_ session: UInt8, forwarding: Bool = false, signing: UInt8? = nil) throws -> [UInt8] {
        let id = [UInt8](repeating: session, count: 32)
        let signed = [UInt8](repeating: signing ?? session, count: 32)
        let signature = try SSHSignature(
            raw: Array(secret.signature(for: signed)), by: key, name: "ssh-ed25519")
        var writer = SSHWriter()
        writer.byte(SSHAgentRequest.extensionCode)
        writer.string(SSHAgentRequest.bindName)
        writer.string(key.blob)
        writer.string(id)
        writer.string(signature.encoded)
        writer.boolean(forwarding)
        return writer.bytes
    }

    func line(_ name: String) -> String { "\(key.typeName) \(Base64.encode(key.blob)) \(name)" }
}

private let failure: [UInt8] = [5]
private let success: [UInt8] = [6]
private let extensionFailure: [UInt8] = [28]

@Suite("Bad input to ssh.sock", .ownThread)
struct SSHBadInputTests {
    private let agent: TestAgent

    init() throws { agent = try TestAgent(speaksSSH: true) }

    private func records(_ agent: TestAgent) throws -> [String] {
        try agent.client().call(.list(.auditList, count: 500)).lines
    }

    /// Others are served.
    private func isServing(_ agent: TestAgent) throws -> Bool {
        try RawSSHClient(agent).ask([11])?.first == 12 && agent.client().call(.status()).code == .ok
    }

    private func publicKey(_ name: String, on agent: TestAgent) throws -> SSHPublicKey {
        _ = try agent.client().call(.createKey(name, type: .ed25519), timeout: .seconds(60))
        return try SSHPublicKey.line(
            agent.dtactl("ssh", "authorized-key", name).text.trimmingCharacters(in: .newlines)
        ).key
    }

    private func sign(_ key: SSHPublicKey, _ data: [UInt8]) -> [UInt8] {
        var writer = SSHWriter()
        writer.byte(13)
        writer.string(key.blob)
        writer.string(data)
        writer.uint32(0)
        return writer.bytes
    }

    private func login(
        _ key: SSHPublicKey, session: UInt8, user: String = "alice", hostKey: SSHPublicKey? = nil
    ) -> [UInt8] {
        var writer = SSHWriter()
        writer.string([UInt8](repeating: session, count: 32))
        writer.byte(50)
        writer.string(user)
        writer.string("ssh-connection")
        writer.string(hostKey == nil ? "publickey" : "publickey-hostbound-v00@openssh.com")
        writer.boolean(true)
        writer.string(key.typeName)
        writer.string(key.blob)
        if let hostKey { writer.string(hostKey.blob) }
        return writer.bytes
    }

    @Test(
        "a frame of a forbidden length is answered with the protocol's error and recorded, and the connection closes",
        arguments: [0, 262_145, 0xffff_ffff])
    func lengths(length: Int) throws {
        let client = try RawSSHClient(agent)
        try client.send(UInt32(length).bigEndianBytes)
        #expect(try client.receive() == failure)
        #expect(try client.receive() == nil)
        #expect(try records(agent).contains { $0.contains(#""op":"ssh.malformed""#) && $0.contains("why=malformed") })
        #expect(try isServing(agent))
    }

    @Test("a connection that ends within a message leaves a record with the reason, and many leave few")
    func cutShort() throws {
        for bytes: [UInt8] in [[0], [0, 0, 0, 5], [0, 0, 0, 5, 13]] {
            try RawSSHClient(agent).send(bytes)
        }
        func cut() throws -> [String] { try records(agent).filter { $0.contains("why=cut-short") } }
        try agent.wait("a record") { try !cut().isEmpty }
        for _ in 0..<300 { try RawSSHClient(agent).send([0, 0, 1]) }
        // Further ones are counted together, once a second.
        func count() throws -> Int {
            try cut().reduce(0) { sum, line in
                let members = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
                return sum + (members?["count"] as? Int ?? 1)
            }
        }
        try agent.wait("all of them") { try count() == 303 }
        #expect(try cut().count < 30)
        #expect(try isServing(agent))
        // One that ends between two messages leaves none.
        _ = try RawSSHClient(agent).ask([11])
        #expect(try count() == 303)
    }

    @Test("garbage in frames of proper length is answered with the protocol's error, and the connection goes on")
    func garbage() throws {
        var generator = SeededGenerator()
        let client = try RawSSHClient(agent)
        for _ in 0..<300 {
            let type: UInt8 = [0, 5, 11, 13, 18, 19, 22, 23, 27, 255].randomElement(using: &generator) ?? 0
            let rest = (0..<Int.random(in: 1...200, using: &generator)).map { _ in
                UInt8.random(in: 0...255, using: &generator)
            }
            #expect(try client.ask([type] + rest) == failure)
        }
        // Strings in strings, each of which claims all that is left and more.
        let nested = (0..<60_000).flatMap { _ in [0, 0, 0xff, 0xff] as [UInt8] }
        #expect(try client.ask([13] + nested) == failure)
        #expect(try client.ask([11])?.first == 12)
        #expect(try isServing(agent))
    }

    @Test("a message in pieces of one byte is answered, and several in one piece are answered in their order")
    func pieces() throws {
        let client = try RawSSHClient(agent)
        for byte: UInt8 in [0, 0, 0, 1, 11] { try client.send([byte]) }
        #expect(try client.receive()?.first == 12)
        try client.send([0, 0, 0, 1, 11, 0, 0, 0, 1, 99, 0, 0, 0, 1, 11])
        #expect(try client.receive()?.first == 12)
        #expect(try client.receive() == failure)
        #expect(try client.receive()?.first == 12)
    }

    @Test("data that names another key, or cannot be read, is not signed, and the record says why")
    func unknownData() throws {
        let key = try publicKey("k", on: agent)
        let other = try publicKey("other", on: agent)
        let client = try RawSSHClient(agent)
        let good = login(key, session: 1)
        #expect(try client.ask(sign(key, good))?.first == 14)
        for data in [login(other, session: 1), good + [0], Array(good.dropLast()), [1, 2, 3], []] {
            #expect(try client.ask(sign(key, data)) == failure)
        }
        let stranger = SSHPublicKey.ed25519([UInt8](repeating: 8, count: 32))
        #expect(try client.ask(sign(stranger, login(stranger, session: 1))) == failure)
        let refused = try records(agent).filter { $0.contains(#""op":"ssh.sign""#) && !$0.contains(#""OK""#) }
        #expect(refused.contains { $0.contains("unknown unbound why=unknown-data") })
        #expect(refused.contains { $0.contains("why=no-such-key") })
        #expect(agent.log.contains("refused on ssh.sock"))
    }

    @Test("a binding with a wrong signature, a second one of a session, one behind a log-in and the 17th are refused")
    func bindings() throws {
        let (one, two) = (Server(), Server())
        var client = try RawSSHClient(agent)
        #expect(try client.ask(one.bind(1, signing: 2)) == extensionFailure)
        client = try RawSSHClient(agent)
        #expect(try client.ask(one.bind(1, forwarding: true)) == success)
        #expect(try client.ask(one.bind(1, forwarding: true)) == extensionFailure)
        #expect(try client.ask(two.bind(1)) == extensionFailure)
        #expect(try client.ask(two.bind(2)) == success)
        #expect(try client.ask(one.bind(3)) == extensionFailure)
        client = try RawSSHClient(agent)
        for session in 1...16 { #expect(try client.ask(one.bind(UInt8(session), forwarding: true)) == success) }
        #expect(try client.ask(one.bind(17, forwarding: true)) == extensionFailure)
        let records = try records(agent)
        for why in ["bad-host-signature", "bound-before", "bound-for-login", "too-many-bindings"] {
            #expect(records.contains { $0.contains(#""op":"ssh.bind""#) && $0.contains("why=\(why)") }, "\(why)")
        }
        #expect(try isServing(agent))
    }

    @Test("a log-in of another session than that of the binding is not taken for one at the bound host")
    func otherSessions() throws {
        let (host, other) = (Server(), Server())
        let key = try publicKey("k", on: agent)
        func record(_ data: [UInt8], forwarding: Bool = false) throws -> String {
            let client = try RawSSHClient(agent)
            #expect(try client.ask(host.bind(1, forwarding: forwarding)) == success)
            #expect(try client.ask(sign(key, data))?.first == 14)
            return try #require(try records(agent).last { $0.contains(#""op":"ssh.sign""#) })
        }
        let bound = "host=\(try SSHKey(blob: host.key.blob).fingerprint)"
        let same = try record(login(key, session: 1))
        #expect(same.contains(bound) && !same.contains("other-session"))
        for forwarding in [false, true] {
            let another = try record(login(key, session: 2), forwarding: forwarding)
            #expect(another.contains(" other-session") && !another.contains("host="), "\(another)")
        }
        let named = try record(login(key, session: 2, hostKey: other.key), forwarding: true)
        #expect(named.contains("host=\(try SSHKey(blob: other.key.blob).fingerprint)"))
    }

    @Test("a key for one host signs on no connection that is not bound to it, nor for another user, session or way")
    func destinations() throws {
        let (host, bastion, stranger) = (Server(), Server(), Server())
        let agent = try TestAgent(
            more: """
                ssh:
                  hosts:
                    - { name: host, keys: ["\(host.line("x"))"] }
                    - { name: bastion, keys: ["\(bastion.line("x"))"] }
                  keys:
                    - { keys: [k], logins: ["alice@host", bastion, "bastion>alice@host"] }
                """, speaksSSH: true)
        let key = try publicKey("k", on: agent)
        /// - Returns: whether it was signed.
        func tries(_ bindings: [[UInt8]], _ data: [UInt8]) throws -> Bool {
            let client = try RawSSHClient(agent)
            for binding in bindings { _ = try client.ask(binding) }
            return try client.ask(sign(key, data))?.first == 14
        }
        #expect(try tries([host.bind(1)], login(key, session: 1)))
        #expect(
            try tries([bastion.bind(1, forwarding: true), host.bind(2)], login(key, session: 2, hostKey: host.key)))
        #expect(try !tries([], login(key, session: 1)))
        #expect(try !tries([host.bind(1, signing: 3)], login(key, session: 1)))
        #expect(try !tries([host.bind(1)], login(key, session: 1, user: "root")))
        #expect(try !tries([host.bind(1)], login(key, session: 2)))
        #expect(try !tries([host.bind(1)], login(key, session: 1, hostKey: stranger.key)))
        #expect(try !tries([stranger.bind(1)], login(key, session: 1)))
        // Forwarded: without the host's name, over another hop, and by the hop itself.
        #expect(try !tries([bastion.bind(1, forwarding: true), host.bind(2)], login(key, session: 2)))
        #expect(
            try !tries([stranger.bind(1, forwarding: true), host.bind(2)], login(key, session: 2, hostKey: host.key)))
        #expect(try !tries([bastion.bind(1, forwarding: true)], login(key, session: 1, hostKey: bastion.key)))
        let why = try records(agent).joined(separator: "\n")
        for word in [
            "unbound", "binding-failed", "wrong-destination", "other-session", "other-host", "host-not-named",
            "forwarding-hop",
        ] { #expect(why.contains("why=\(word)"), "\(word)") }
        // What is shown, on each kind of connection.
        func shown(_ bindings: [UInt8]...) throws -> UInt8? {
            let client = try RawSSHClient(agent)
            for binding in bindings { _ = try client.ask(binding) }
            return try client.ask([11])?.dropFirst(4).first
        }
        #expect(try shown() == 1)
        #expect(try shown(host.bind(1)) == 1)
        #expect(try shown(stranger.bind(1)) == 0)
        #expect(try shown(host.bind(1, forwarding: true)) == 0)
        #expect(try shown(bastion.bind(1, forwarding: true)) == 1)
    }

    @Test("a host's key signs exchange hashes and nothing else, and other keys sign none")
    func hostKey() throws {
        let agent = try TestAgent(
            more: "ssh: { keys: [{ keys: [host], host_key: true }] }", speaksSSH: true)
        let host = try publicKey("host", on: agent)
        let other = try publicKey("other", on: agent)
        let client = try RawSSHClient(agent)
        for count in [32, 48, 64] {
            let hash = [UInt8](repeating: 3, count: count)
            #expect(try client.ask(sign(host, hash))?.first == 14)
            #expect(try client.ask(sign(other, hash)) == failure)
        }
        for data in [[UInt8](repeating: 3, count: 33), login(host, session: 1)] {
            #expect(try client.ask(sign(host, data)) == failure)
        }
        #expect(try records(agent).contains { $0.contains("why=host-key-only") })
    }

    @Test("the extension query names what there is, and other extensions are refused")
    func extensions() throws {
        let client = try RawSSHClient(agent)
        var query = SSHWriter()
        query.byte(SSHAgentRequest.extensionCode)
        query.string("query")
        var answer = SSHReader(try #require(try client.ask(query.bytes)))
        #expect(try answer.byte() == 29)
        #expect(try answer.text(atMost: 100) == "query")
        #expect(try answer.text(atMost: 100) == SSHAgentRequest.bindName)
        #expect(answer.isAtEnd)
        var other = SSHWriter()
        other.byte(SSHAgentRequest.extensionCode)
        other.string("dance@example")
        other.string("now")
        #expect(try client.ask(other.bytes) == failure)
    }

    @Test("connections that are left open cost their user's quota on both sockets, and no more")
    func quota() throws {
        let agent = try TestAgent(more: "limits: { connections_per_user: 4 }", speaksSSH: true)
        var held: [RawSSHClient] = []
        for _ in 0..<4 {
            let client = try RawSSHClient(agent)
            #expect(try client.ask([11])?.first == 12)
            held.append(client)
        }
        let refused = try RawSSHClient(agent)
        #expect(try refused.receive() == failure)
        #expect(throws: (any Error).self) { try agent.client().call(.status()) }
        held.removeAll()
        try agent.wait("a place is free") { try RawSSHClient(agent).ask([11])?.first == 12 }
    }

    @Test("100 clients at once each get their own signature")
    func manyClients() throws {
        let key = try publicKey("k", on: agent)
        let clients = try (0..<100).map { number in (number, try RawSSHClient(agent)) }
        // All of them are asked before the first answer is read.
        for (number, client) in clients {
            let request = sign(key, login(key, session: UInt8(number + 1)))
            try client.send(UInt32(request.count).bigEndianBytes + request)
        }
        for (number, client) in clients {
            var answer = SSHReader(try #require(try client.receive()))
            #expect(try answer.byte() == 14)
            let signature = try SSHSignature(answer.string(atMost: 1000))
            #expect(signature.isValid(for: login(key, session: UInt8(number + 1)), by: key), "client \(number)")
        }
        #expect(try records(agent).count { $0.contains(#""op":"ssh.sign""#) && $0.contains(#""OK""#) } == 100)
    }

    @Test(
        "connections that are left open cost their user's quota alone: another user's programs are served",
        .enabled(if: OtherUser.arePossible, "several users need root"))
    func quotaOfOthers() throws {
        let agent = try TestAgent(more: "limits: { connections_per_user: 4 }", speaksSSH: true)
        let held = try (0..<4).map { _ in try RawSSHClient(agent) }
        for client in held { #expect(try client.ask([11])?.first == 12) }
        // One that inherits such a connection counts for whoever made it.
        let heir = try Subprocess("sleep", ["600"], descriptors: [3: held[0].descriptor])
        #expect(try RawSSHClient(agent).receive() == failure)
        for _ in 0..<5 {
            let done = try run(
                "setpriv", ["--reuid", "34", "--regid", "34", "--clear-groups", "ssh-add", "-l"],
                environment: ["SSH_AUTH_SOCK": agent.sshSocketPath])
            #expect(done.text.contains("no identities"), "\(done.text)\(done.errors)")
        }
        heir.signal(SIGKILL)
        withExtendedLifetime(held) {}
    }

    @Test("the examples of terms in the documents are right", arguments: ["ssh.md", "configuration.md"])
    func documentedTerms(page: String) throws {
        let docs = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("../../docs")
        let text = try String(contentsOf: docs.appendingPathComponent(page), encoding: .utf8)
        let examples = text.components(separatedBy: "```yaml\n").dropFirst().compactMap {
            $0.components(separatedBy: "```").first
        }.filter { $0.hasPrefix("ssh:") }
        #expect(!examples.isEmpty)
        for example in examples {
            let agent = try TestAgent(more: example, starting: false)
            let done = try run(
                Binary.path("dtad"), ["check", "--configuration-only", "--config", agent.configuration])
            #expect(done.status == 0, "\(example)\n\(done.text)\(done.errors)")
        }
    }

    @Test(
        "wrong terms are refused at the start, with the line",
        arguments: [
            "{ keys: [{ keys: [k], host_key: true, namespaces: [git] }] }",
            "{ keys: [{ keys: [k], logins: [nowhere] }] }",
            "{ keys: [{ keys: [k], logins: [\"a@b@c\"] }] }", "{ hosts: [{ name: h, keys: [\"ssh-ed25519 AAAA\"] }] }",
            "{ hosts: [{ name: \"h h\", keys: [] }] }", "{ keys: [{ keys: [k], certificates: { for: user } }] }",
            "{ keys: [{ keys: [k], dance: true }] }", "{ offer_at_most: 0 }", "{ keys: [{ namespaces: [git] }] }",
            "{ confirm_seconds: 1 }",
            "{ keys: [{ keys: [k], namespaces: [git], confirm: maybe }] }", "{ keys: [{ keys: [k], confirm: each }] }",
            "{ keys: [{ keys: [k], host_key: true, confirm: each }] }",
        ])
    func wrongTerms(_ terms: String) throws {
        let agent = try TestAgent(more: "ssh: \(terms)", starting: false)
        let done = try run(
            Binary.path("dtad"), ["check", "--configuration-only", "--config", agent.configuration])
        #expect(done.status != 0, "\(done.text)")
        #expect((done.text + done.errors).contains(#/line \d|:\d+: /#), "\(done.text)\(done.errors)")
    }
}
