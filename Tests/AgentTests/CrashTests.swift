import AgentProtocol
import Crypto
import DTABytes
import DTAFormats
import DTASystem
import Foundation
import TestSupport
import Testing

/// The agent is killed between any two steps; the points are those of `CrashPoint` in DTACore.
@Suite("A crash", .ownThread)
struct CrashTests {
    /// The token has so many objects. The listing is another program's, and while a dtad-hsm that starts logs in,
    /// SoftHSM writes files again that the listing reads: it may miss some at that moment, and not for long.
    private func expectObjects(_ agent: TestAgent, _ count: Int) throws {
        try eventually("\(count) objects on the token", seconds: 30, every: 250) { try tokenObjects(agent) == count }
    }

    private func tokenObjects(_ agent: TestAgent) throws -> Int {
        let pin = try String(contentsOfFile: agent.state + "/hsm-pin", encoding: .utf8)
            .trimmingCharacters(in: .whitespacesAndNewlines)
        // Under the lock of log-ins: a log-in rewrites the token's file, and a dtad-hsm that starts would see no token.
        let listing = try run(
            "/usr/bin/flock",
            [
                agent.state + "/hsm.lock", "pkcs11-tool", "--module", "/usr/lib/softhsm/libsofthsm2.so",
                "--token-label", "dta", "--login", "--pin", pin,
                "--list-objects",
            ], environment: ["SOFTHSM2_CONF": agent.state + "/softhsm2.conf"])
        return listing.text.split(separator: "\n").filter { $0.contains(" Object; ") }.count
    }

    /// Makes alice and a key, then starts the agent so that it kills itself at `point` during `request`.
    private func crash(at point: String, during request: (BlockingAgentClient) throws -> Void) throws -> (
        TestAgent, Int
    ) {
        let agent = try TestAgent()
        _ = try agent.client().call(.createIdentity("alice"))
        _ = try agent.client().call(.createKey("old", type: .p256))
        #expect(agent.stop() == 0)
        let before = try tokenObjects(agent)
        try agent.start(environment: ["DTAD_CRASH_AT": point])
        #expect(throws: (any Error).self) { try request(agent.client()) }
        #expect(agent.waitForEnd() == 128 + SIGKILL)
        try agent.startServing()
        return (agent, before)
    }

    @Test(
        "a crash during the making of a key leaves all of it or nothing",
        arguments: ["key.create.1", "key.create.2", "key.create.3"])
    func keyCreation(point: String) throws {
        let (agent, before) = try crash(at: point) { _ = try $0.call(.createKey("new", type: .p256)) }
        let client = agent.client()
        let names = try client.call(.list(.keyList)).keys.map(\.name)
        if names.contains("new") {
            #expect(try client.call(.sign(key: "new", message: [1])).data.count == 64)
            try expectObjects(agent, before + 2)
        } else {
            try expectObjects(agent, before)
            _ = try client.call(.createKey("new", type: .p256))
        }
        #expect(try client.call(.sign(key: "old", message: [1])).data.count == 64)
    }

    @Test(
        "a crash during the import of a key leaves all of it or nothing",
        arguments: ["key.create.1", "key.create.2", "key.create.3"])
    func keyImport(point: String) throws {
        let secret = Array(P256.Signing.PrivateKey().rawRepresentation)
        func bring(_ client: BlockingAgentClient) throws {
            let nonce = [UInt8](repeating: 1, count: 32)
            let begun = try client.call(.beginKeyImport("new", type: .p256, nonce: nonce))
            let place = try KeyWrapping(.p256, owner: geteuid(), object: TestSupport.bytes(begun.cursor))
            let wrapped = try place.wrap(
                TransportedKey(.p256, Secret(copying: secret.span)),
                to: Array(begun.data.prefix(KeyWrapping.keySize)))
            _ = try client.call(.importKey("new", type: .p256, object: begun.cursor, wrapped: wrapped))
        }
        let (agent, before) = try crash(at: point, during: bring)
        let client = agent.client()
        if try !client.call(.list(.keyList)).keys.contains(where: { $0.name == "new" }) {
            try expectObjects(agent, before)
            // Neither its name nor the key itself is taken.
            try bring(client)
        }
        try expectObjects(agent, before + 2)
        #expect(try client.call(.showKey("new")).keys.first?.imported == true)
        for key in ["new", "old"] { #expect(try client.call(.sign(key: key, message: [1])).data.count == 64) }
    }

    @Test(
        "a crash during the deletion of a key leaves it deleted",
        arguments: ["key.delete.1", "key.delete.2", "key.delete.3"])
    func keyDeletion(point: String) throws {
        let (agent, before) = try crash(at: point) { _ = try $0.call(.deleteKey("old")) }
        #expect(try agent.client().refusal(.showKey("old")).code == .notFound)
        try expectObjects(agent, before - 2)
    }

    @Test(
        "a crash during the making of an identity leaves all of it or nothing",
        arguments: [
            "identity.create.1", "identity.create.2", "identity.create.3", "identity.create.4",
        ])
    func identityCreation(point: String) throws {
        let (agent, before) = try crash(at: point) { _ = try $0.call(.createIdentity("bob")) }
        let client = agent.client()
        let blocks = try client.call(.list(.ledgerList)).blocks.count
        if try client.call(.list(.identityList)).identities.contains(where: { $0.name == "bob" }) {
            #expect(blocks == 3)
            try expectObjects(agent, before + 4)
        } else {
            #expect(blocks == 2, "the agent's and alice's documents, and nothing of bob's")
            try expectObjects(agent, before)
            _ = try client.call(.createIdentity("bob"))
        }
        let cid = try client.call(.sealEnvelope(from: "alice", to: ["bob"], plaintext: [1, 2, 3])).cid
        #expect(try [UInt8](client.call(.openEnvelope(cid, as: "bob")).data) == [1, 2, 3])
    }

    @Test(
        "a crash during a rotation leaves the old identity, or the new one in its place",
        arguments: [
            "identity.rotate.1", "identity.rotate.2", "identity.rotate.3", "identity.rotate.4",
        ])
    func rotation(point: String) throws {
        var (sealed, first) = ("", "")
        let (agent, before) = try crash(at: point) {
            first = try $0.call(.showIdentity("alice")).cid
            sealed = try $0.call(.sealEnvelope(from: "alice", to: ["alice"], plaintext: [7])).cid
            _ = try $0.call(.rotateIdentity("alice"))
        }
        let client = agent.client()
        let now = try #require(client.call(.showIdentity("alice")).identities.first)
        #expect((now.cid == first) == (point != "identity.rotate.4"))
        #expect(now.standing == "current")
        try expectObjects(agent, before + (now.cid == first ? 0 : 4))
        #expect(try [UInt8](client.call(.openEnvelope(sealed, as: "alice")).data) == [7])
        #expect(try client.call(.rotateIdentity("alice")).identities.first?.previous == now.cid)
    }

    @Test("a crash during a revocation leaves it done or not", arguments: ["identity.revoke.1", "identity.revoke.2"])
    func revocation(point: String) throws {
        let (agent, _) = try crash(at: point) { _ = try $0.call(.revokeIdentity("alice")) }
        let standing = try agent.client().call(.showIdentity("alice")).identities.first?.standing
        #expect(standing == (point == "identity.revoke.2" ? "revoked" : "current"))
    }

    @Test(
        "a crash during a recovery leaves the old identity and nothing of the new, or the new one in its place",
        arguments: ["identity.recover.1", "identity.recover.2", "identity.recover.3"])
    func recovery(point: String) throws {
        let key = Curve25519.Signing.PrivateKey()
        let raw = Array(key.publicKey.rawRepresentation)
        func recover(_ client: BlockingAgentClient) throws -> String {
            let draft = try client.call(.recoverIdentity("carol", as: "carol"))
            let identity = try Identity(encoded: [UInt8](draft.data))
            let message = try SignedBytes.make(context: SignedBytes.identity, hash: identity.hash)
            return try client.call(
                .finishRecovery(draft.cursor, key: raw, signature: key.signature(for: message))
            ).cid
        }
        var first = ""
        let (agent, before) = try crash(at: point) {
            first = try $0.call(.createIdentity("carol", recovery: SHA256.hash(data: raw))).cid
            _ = try recover($0)
        }
        let client = agent.client()
        let now = try client.call(.showIdentity("carol")).cid
        #expect((now == first) == (point != "identity.recover.3"))
        try expectObjects(agent, before + (now == first ? 4 : 8))
        if now == first { _ = try recover(client) }
        #expect(try client.call(.showIdentity(first)).identities.first?.standing == "rotated")
    }

    @Test(
        "a crash during sealing leaves an envelope that can be opened, or none",
        arguments: [
            "envelope.seal.1", "envelope.seal.2", "envelope.seal.3",
        ])
    func sealing(point: String) throws {
        let (agent, _) = try crash(at: point) {
            _ = try $0.call(.sealEnvelope(from: "alice", to: ["alice"], plaintext: [7]))
        }
        let client = agent.client()
        let envelopes = try client.call(.list(.ledgerList)).blocks.filter { $0.kind == "envelope" }
        #expect(envelopes.count == (point == "envelope.seal.3" ? 1 : 0))
        for envelope in envelopes { #expect(try [UInt8](client.call(.openEnvelope(envelope.cid)).data) == [7]) }
    }

    @Test("a crash of the agent leaves an audit log that verifies, with every answered request in it")
    func auditSurvives() throws {
        let agent = try TestAgent()
        let client = agent.client()
        for count in 1...50 { _ = try client.call(.random(UInt32(count))) }
        agent.crash()
        try agent.start()
        let lines = try agent.client().call(.list(.auditList, count: 1000)).lines
        #expect(lines.filter { $0.contains("\"random\"") }.count == 50)
        #expect(try agent.client().call(.verifyAudit()).valid)
    }
}
