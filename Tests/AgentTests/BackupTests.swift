import AgentProtocol
import DTASystem
import Foundation
import TestSupport
import Testing

@Suite("A backup of a running agent", .ownThread)
struct BackupTests {
    private let plaintext = Array("for later".utf8)

    private func dtad(_ arguments: [String]) throws -> Finished { try run(try Binary.path("dtad"), arguments) }

    /// Makes alice, bob and an envelope from her to him.
    private func furnish(_ agent: TestAgent) throws -> String {
        let client = agent.client()
        _ = try client.call(.createIdentity("alice"))
        _ = try client.call(.createIdentity("bob"))
        _ = try client.call(.createKey("k", type: .p256))
        return try client.call(.sealEnvelope(from: "alice", to: ["bob"], plaintext: plaintext)).cid
    }

    /// Has `agent` use another state directory from its next start on.
    private func setState(_ agent: TestAgent, _ path: String) throws {
        let text = try String(contentsOfFile: agent.configuration, encoding: .utf8)
        try text.replacing(#/(?m)^state: ".*"$/#, with: "state: \"\(path)\"")
            .write(toFile: agent.configuration, atomically: true, encoding: .utf8)
    }

    @Test("a backup of a running agent opens its old envelopes again with the same token")
    func sameToken() throws {
        let agent = try TestAgent()
        let cid = try furnish(agent)
        let file = agent.directory.file("backup.tar")
        let made = try dtad(["backup", file, "--config", agent.configuration])
        #expect(made.status == 0, "\(made.errors)")
        #expect(made.text.contains("does not hold") && made.text.contains("fingerprint"))
        let later = try agent.client().call(.sealEnvelope(from: "alice", to: ["bob"], plaintext: [1])).cid
        agent.crash()

        let target = agent.directory.file("restored")
        let restored = try dtad(["restore", file, "--state", target])
        #expect(restored.status == 0, "\(restored.errors)")
        try setState(agent, target)
        let checked = try dtad(["check", "--config", agent.configuration])
        #expect(checked.status == 0 && checked.text.contains("are on the token"), "\(checked.text)")
        try agent.start()
        let client = agent.client()
        #expect(try [UInt8](client.call(.openEnvelope(cid, as: "bob")).data) == plaintext)
        #expect(try client.refusal(.openEnvelope(later, as: "bob")).code == .notFound)
        #expect(try client.call(.sign(key: "k", message: [1])).data.count == 64)
        #expect(try client.call(.verifyAudit()).valid)
    }

    @Test(
        "a backup of a running agent is refused with another token, until the administrator says that it is meant; then its keys are out of use"
    )
    func otherToken() throws {
        let agent = try TestAgent()
        let cid = try furnish(agent)
        let file = agent.directory.file("backup.tar")
        #expect(try dtad(["backup", file, "--config", agent.configuration]).status == 0)

        let other = try TestAgent(starting: false)
        let target = other.directory.file("restored")
        #expect(try dtad(["restore", file, "--state", target]).status == 0)
        try setState(other, target)
        let refused = try dtad(["check", "--config", other.configuration])
        #expect(refused.status == 1)
        #expect(refused.text.contains("another token is in the place of \"dta\""), "\(refused.text)")
        // The new token's own landmark, as a fresh state shows it.
        try setState(other, other.state)
        let landmark = try #require(
            try dtad(["check", "--config", other.configuration]).text.firstMatch(of: /landmark ([0-9a-f]{32});/)?.1)
        try setState(other, target)
        try other.addHSMConfiguration(["landmark: \"\(landmark)\""])
        let checked = try dtad(["check", "--config", other.configuration])
        #expect(checked.status == 1)
        #expect(checked.text.contains("as hsm.landmark says"), "\(checked.text)")
        #expect(checked.text.contains("identity \"bob\": it is not on the token"), "\(checked.text)")
        try other.start()
        #expect(other.log.contains("the token is another than before, as hsm.landmark says"), "\(other.log)")
        let client = other.client()
        let closed = try client.refusal(.openEnvelope(cid, as: "bob"))
        #expect(closed.code == .dataLoss && closed.message.contains("not on the token"), "\(closed)")
        #expect(try client.refusal(.sign(key: "k", message: [1])).code == .dataLoss)
        // What is public is still there.
        #expect(try !client.call(.getBlock(cid)).data.isEmpty)
    }

    @Test(
        "a backup of a running agent leaves keys without a name that were made after it, which an administrator names or destroys"
    )
    func unnamedKeys() throws {
        let agent = try TestAgent()
        let file = agent.directory.file("backup.tar")
        #expect(try dtad(["backup", file, "--config", agent.configuration]).status == 0)
        var client = agent.client()
        let made = try client.call(.createKey("signs", type: .p256)).keys
        _ = try client.call(.createKey("opens", type: .aes256))
        let closed = try client.call(.encrypt(key: "opens", plaintext: plaintext)).data
        _ = try client.call(.createIdentity("later"))
        #expect(try client.call(.unnamedKeys()).keys.isEmpty)
        #expect(agent.stop() == 0)
        let target = agent.directory.file("restored")
        #expect(try dtad(["restore", file, "--state", target]).status == 0)
        try setState(agent, target)
        try agent.start()
        #expect(agent.log.contains("there are keys on the token that dtad does not know"), "\(agent.log)")

        client = agent.client()
        var keys = try client.call(.unnamedKeys()).keys
        #expect(keys.map(\.objectClass) == ["user", "user", "id-sign", "id-kem"])
        #expect(keys.allSatisfy { $0.name.isEmpty && $0.object.count == 32 && $0.ownerUid == geteuid() })
        let signing = try #require(keys.first { $0.type == .p256 })
        let opening = try #require(keys.first { $0.type == .aes256 })
        #expect(signing.publicKey == made[0].publicKey)

        // Another user is told nothing, and changes nothing.
        if OtherUser.arePossible {
            for decision in ["", "name", "destroy"] {
                let call = "agent.call('key_unnamed', subject='\(signing.object)', decision='\(decision)')"
                #expect(try OtherUser.backup.run(call, on: agent).hasPrefix("PERMISSION_DENIED"))
            }
        }
        // What is no such key gets no name, and is not destroyed.
        _ = try client.call(.createKey("here", type: .p256))
        for object in ["", "zz", String(repeating: "+1", count: 16), signing.object + "00"] {
            for decision in ["name", "destroy"] {
                let refusal = try client.refusal(.unnamedKeys(decision: decision, object: object, name: "n"))
                #expect(refusal.code == .invalidArgument)
            }
        }
        let absent = String(repeating: "0", count: 32)
        #expect(try client.refusal(.unnamedKeys(decision: "name", object: absent, name: "n")).code == .notFound)
        #expect(try client.refusal(.unnamedKeys(decision: "destroy", object: absent)).code == .notFound)
        let identity = keys[2].object
        let kept = try client.refusal(.unnamedKeys(decision: "name", object: identity, name: "n"))
        #expect(kept.code == .failedPrecondition)
        #expect(
            try client.refusal(.unnamedKeys(decision: "name", object: signing.object, name: "here")).message
                .contains("is taken"))
        #expect(try client.refusal(.unnamedKeys(decision: "keep", object: identity)).code == .invalidArgument)

        // Named, they are like all others, also after a restart.
        #expect(
            try client.call(.unnamedKeys(decision: "name", object: signing.object, name: "again")).keys.map(\.name)
                == ["again"])
        _ = try client.call(.unnamedKeys(decision: "name", object: opening.object, name: "opener"))
        #expect(try client.refusal(.unnamedKeys(decision: "destroy", object: signing.object)).code == .notFound)
        #expect(try [UInt8](client.call(.decrypt(key: "opener", sealed: closed)).data) == plaintext)
        for key in keys.dropFirst(2) { _ = try client.call(.unnamedKeys(decision: "destroy", object: key.object)) }
        #expect(try client.call(.unnamedKeys()).keys.isEmpty)
        #expect(agent.stop() == 0)
        try agent.start()
        client = agent.client()
        // A line for each class, from the start before alone.
        #expect(
            agent.log.components(separatedBy: "there are keys on the token that dtad does not know").count == 1 + 3,
            "\(agent.log)")
        keys = try client.call(.list(.keyList)).keys
        #expect(keys.map(\.name) == ["again", "here", "opener"])
        #expect(try client.call(.sign(key: "again", message: [1])).data.count == 64)
        let records = try client.call(.list(.auditList, count: 1_000)).lines.joined()
        #expect(records.contains("decision=name alias=again") && records.contains("decision=destroy"), "\(records)")
    }

    @Test("a backup of a running agent is of one moment while the ledger grows")
    func consistent() throws {
        let agent = try TestAgent()
        let writer = Thread {
            let client = agent.client()
            var number: UInt64 = 0
            while (try? client.call(.putBlock(Array("block \(number)".utf8)))) != nil { number += 1 }
        }
        writer.start()
        for round in 1...3 {
            let file = agent.directory.file("backup-\(round).tar")
            let made = try dtad(["backup", file, "--config", agent.configuration])
            #expect(made.status == 0, "\(made.errors)")
            let target = agent.directory.file("restored-\(round)")
            let restored = try dtad(["restore", file, "--state", target])
            #expect(restored.status == 0, "\(restored.errors)")
        }
        agent.crash()
        try setState(agent, agent.directory.file("restored-3"))
        try agent.start()
        let client = agent.client()
        for block in try client.call(.list(.ledgerList, count: 1000)).blocks {
            #expect(try client.call(.getBlock(block.cid)).data.count == Int(block.size))
        }
        #expect(try client.call(.verifyAudit()).valid)
    }

    /// The bytes of a file, or of all files in a folder.
    private func size(_ path: String) -> Int {
        let names = FileManager.default.enumerator(atPath: path)?.compactMap { $0 as? String } ?? []
        return ([path] + names.map { "\(path)/\($0)" }).reduce(0) { sum, file in
            let attributes = try? FileManager.default.attributesOfItem(atPath: file)
            return sum + (attributes?[.size] as? Int ?? 0)
        }
    }

    @Test(
        "a backup of a running agent that is killed in the middle leaves no file, or all of it; and the next one works",
        arguments: [false, true])
    func killed(restoring: Bool) throws {
        let agent = try TestAgent()
        _ = try furnish(agent)
        for number in 0..<24 {
            let block = [UInt8](repeating: UInt8(number), count: 1 << 20)
            _ = try agent.client().call(.putBlock(block))
        }
        let file = agent.directory.file("backup.tar")
        let target = agent.directory.file("restored")
        if restoring { #expect(try dtad(["backup", file, "--config", agent.configuration]).status == 0) }
        let arguments =
            restoring ? ["restore", file, "--state", target] : ["backup", file, "--config", agent.configuration]
        let result = restoring ? target : file
        // Killed once so many MiB of what becomes a file, or a folder, are written; the last time, when it is there.
        for written in [0, 1, 5, 12, 20, 100] {
            let process = try Subprocess(try Binary.path("dtad"), arguments, descriptors: [:])
            try eventually("\(written) MiB") {
                size(result + ".partial") >= written << 20 || FileManager.default.fileExists(atPath: result)
            }
            process.signal(SIGKILL)
            _ = process.wait()
            guard FileManager.default.fileExists(atPath: result) else { continue }
            // Whole, since it is there.
            let check = restoring ? target : agent.directory.file("whole")
            if !restoring {
                let whole = try dtad(["restore", file, "--state", check])
                #expect(whole.status == 0, "\(whole.errors)")
            }
            #expect(FileManager.default.fileExists(atPath: check + "/state.sqlite"))
            try FileManager.default.removeItem(atPath: check)
            if !restoring { try FileManager.default.removeItem(atPath: file) }
        }
        let finished = try dtad(arguments)
        #expect(finished.status == 0, "\(finished.errors)")
        #expect(!FileManager.default.fileExists(atPath: result + ".partial"))
    }

    @Test("a backup of a running agent is not restored over a state that is there, nor made over a file that is there")
    func overwriting() throws {
        let agent = try TestAgent()
        let file = agent.directory.file("backup.tar")
        #expect(try dtad(["backup", file, "--config", agent.configuration]).status == 0)
        let again = try dtad(["backup", file, "--config", agent.configuration])
        #expect(again.status == 1 && again.errors.contains("--force"))
        #expect(try dtad(["backup", file, "--config", agent.configuration, "--force"]).status == 0)
        let onto = try dtad(["restore", file, "--state", agent.state])
        #expect(onto.status == 1 && onto.errors.contains("already"), "\(onto.errors)")
        #expect(try agent.client().call(.status()).code == .ok)
    }
}
