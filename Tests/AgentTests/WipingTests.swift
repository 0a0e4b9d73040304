import AgentProtocol
import DTASystem
import Foundation
import TestSupport
import Testing

/// What was in an answer is not in dtad's memory afterwards. Root alone may look there.
@Suite(
    "Secrets that were answered", .ownThread, .enabled(if: getuid() == 0, "another process's memory is root's to read"))
struct WipingTests {
    @Test("secrets that were answered are nowhere in dtad's memory: bodies and chunk keys of envelopes")
    func answers() throws {
        let (here, elsewhere) = (try TestAgent(), try TestAgent())
        let client = here.client()
        let bob = try client.call(.createIdentity("bob")).cid
        let other = elsewhere.client()
        _ = try other.call(.createIdentity("alice"))
        let document = "application/vnd.ipld.dag-cbor"
        _ = try other.call(.putBlock([UInt8](client.call(.showIdentity("bob")).data), contentType: document))
        _ = try client.call(.putBlock([UInt8](other.call(.showIdentity("alice")).data), contentType: document))

        // Sealed elsewhere, so that it is here only because it was opened.
        let body = (0..<4096).map { _ in UInt8.random(in: 0...255) }
        let small = try other.call(.sealEnvelope(from: "alice", to: [bob], plaintext: body)).cid
        let file = try elsewhere.directory.write("large", [UInt8](repeating: 7, count: 300_000))
        let sealed = try run(
            Binary.path("dtactl"),
            ["envelope", "seal", "--from", "alice", "--to", bob, file, "--socket", elsewhere.socketPath])
        let large = sealed.text.trimmingCharacters(in: .newlines)
        for cid in [small, large] {
            let block = try [UInt8](other.call(.getBlock(cid)).data)
            _ = try client.call(.putBlock(block, contentType: document))
        }
        let opened = try client.call(.openEnvelope(small, allowUntrusted: true))
        #expect([UInt8](opened.data) == body)
        let key = try [UInt8](client.call(.openEnvelope(large, allowUntrusted: true)).key)
        #expect(key.count == 32)
        // What is no secret is not wiped: so it is known that the search finds things.
        let plain = (0..<4096).map { _ in UInt8.random(in: 0...255) }
        _ = try client.call(.putBlock(plain))

        #expect(try !holds(here.pid, Array(body[2048..<2080])))
        #expect(try !holds(here.pid, key))
        #expect(try holds(here.pid, Array(plain[2048..<2080])), "the search finds nothing at all")
    }

    @Test("plaintexts of keys, random bytes, keys of drafts and of wallets are nowhere in dtad's memory")
    func answersOfTheHSM() throws {
        let agent = try TestAgent(more: automaticOrders)
        let client = agent.client()
        for name in ["alice", "bank"] { _ = try client.call(.createIdentity(name)) }
        _ = try client.call(.createKey("cipher", type: .aes256))
        let plain = (0..<4096).map { _ in UInt8.random(in: 0...255) }
        let sealed = try client.call(.encrypt(key: "cipher", plaintext: plain)).data
        let wallet = try client.call(newOrder { $0.type = "bitcoin-wallet" }).cid(of: "order")
        _ = try client.call(.redeemOrder(wallet))
        // What was encrypted was in the memory of a process that is gone.
        #expect(agent.stop() == 0)
        try agent.start()

        let random = try [UInt8](client.call(.random(4096)).data)
        #expect(try [UInt8](client.call(.decrypt(key: "cipher", sealed: sealed)).data) == plain)
        let draft = try client.call(.draftEnvelope(.init(from: "alice", to: ["bank"])))
        _ = try client.call(.abandonEnvelope(draft: draft.cursor))
        let exported = try [UInt8](client.call(.exportWallet(wallet)).data)
        #expect(try !holds(agent.pid, Array(random[2048..<2080])), "random bytes")
        #expect(try !holds(agent.pid, Array(plain[2048..<2080])), "a plaintext")
        #expect(draft.key.count == 32 && exported.count == 32)
        #expect(try !holds(agent.pid, [UInt8](draft.key)), "the key of a draft")
        #expect(try !holds(agent.pid, exported), "the key of a wallet")
        // What is no secret is not wiped: so it is known that the search finds things.
        let block = (0..<4096).map { _ in UInt8.random(in: 0...255) }
        _ = try client.call(.putBlock(block))
        #expect(try holds(agent.pid, Array(block[2048..<2080])), "the search finds nothing at all")
    }

    @Test(
        "secrets that were answered are nowhere in dtad's memory: what was released and deposited, where it was received and where it was read"
    )
    func orders() throws {
        let hosts = try Hosts()
        var secrets: [(what: String, bytes: [UInt8], at: [TestAgent])] = []
        for type in ["secret", "safeguard-secret"] {
            let order = try hosts.principal.client().call(
                newOrder {
                    $0.type = type
                    $0.beneficiary = "heir"
                    $0.redeemers = ["heir"]
                }
            ).cid(of: "order")
            try carry(order, hosts.principal, hosts.fiduciary)
            try carry(order, hosts.fiduciary, hosts.principal)
            if type == "safeguard-secret" {
                let content = (0..<1000).map { _ in UInt8.random(in: 0...255) }
                _ = try hosts.principal.client().call(.depositForOrder(order, secret: content))
                // Whoever deposits it had it before.
                secrets.append(("the deposit", Array(content[500..<532]), [hosts.fiduciary, hosts.beneficiary]))
            }
            try carry(order, hosts.principal, hosts.beneficiary, only: ["commitment", "deposit"])
            _ = try hosts.beneficiary.client().call(.redeemOrder(order))
            try carry(order, hosts.beneficiary, hosts.fiduciary, only: ["redemption"])
            try carry(order, hosts.fiduciary, hosts.beneficiary)
            // Where it was received and not read yet; what to look for is known only then.
            let received = try memory(hosts.beneficiary.pid)
            let result = try [UInt8](hosts.beneficiary.client().call(.orderResult(order)).data)
            if type == "secret" {
                #expect(result.count == 32)
                #expect(!received.contains { $0.range(of: Data(result)) != nil }, "received and not read")
                secrets.append(("the secret", result, hosts.all))
            }
        }
        for secret in secrets {
            for (index, host) in secret.at.enumerated() {
                #expect(try !holds(host.pid, secret.bytes), "\(secret.what), host \(index)")
            }
        }
    }

    private func holds(_ pid: pid_t, _ wanted: [UInt8]) throws -> Bool {
        try memory(pid).contains { $0.range(of: Data(wanted)) != nil }
    }

    /// What a process could write to, as it is now.
    private func memory(_ pid: pid_t) throws -> [Data] {
        let memory = try FileHandle(forReadingFrom: URL(fileURLWithPath: "/proc/\(pid)/mem"))
        defer { try? memory.close() }
        return try String(contentsOfFile: "/proc/\(pid)/maps", encoding: .utf8).split(separator: "\n").compactMap {
            line in
            let fields = line.split(separator: " ")
            guard fields.count > 1, fields[1].hasPrefix("rw") else { return nil }
            let bounds = fields[0].split(separator: "-").compactMap { UInt64($0, radix: 16) }
            guard bounds.count == 2 else { return nil }
            var content = Data(count: Int(bounds[1] - bounds[0]))
            let got = content.withUnsafeMutableBytes {
                pread(memory.fileDescriptor, $0.baseAddress, $0.count, off_t(bounds[0]))
            }
            return got > 0 ? content.prefix(got) : nil
        }
    }
}
