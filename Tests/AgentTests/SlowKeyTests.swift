import AgentProtocol
import DTASystem
import Foundation
import TestSupport
import Testing

@Suite("RSA keys, which take long to make", .ownThread)
struct SlowKeyTests {
    @Test("while an RSA key is made, keys and identities are made and signatures are answered, and a stop waits for it")
    func others() throws {
        let agent = try TestAgent(starting: false)
        let module = try TamperedModule(in: agent.directory)
        let text = try String(contentsOfFile: agent.configuration, encoding: .utf8)
        try text.replacingOccurrences(of: TestToken.module, with: module.path)
            .write(toFile: agent.configuration, atomically: true, encoding: .utf8)
        try agent.start()
        // The slow lane has its process from its first work on.
        _ = try agent.client().call(.createKey("early", type: .ed25519))
        let before = agent.custodians.count
        try module.set(.slowRSA)
        let made = Monitor([Result<AgentResponse, any Error>]())
        for name in ["first", "second"] {
            try startThread(name) {
                let result = Result {
                    try agent.client().call(.createKey(name, type: .rsa2048), timeout: .seconds(150))
                }
                made.withLockSignalling { $0.append(result) }
            }
        }
        try agent.wait("the search") { module.searches == 1 }
        let client = agent.client()
        _ = try client.call(.createKey("k", type: .ed25519))
        _ = try client.call(.sign(key: "k", message: [1]))
        _ = try client.call(.createIdentity("alice"))
        _ = try client.call(.deleteKey("k"))
        #expect(made.withLock { $0.isEmpty })
        #expect(module.searches == 1)
        // One process more, of the lane's own.
        #expect(agent.custodians.count == before + 1)
        module.clear(.slowRSA)
        try agent.wait("both keys") { made.withLock { $0.count == 2 } }
        for result in made.withLock({ $0 }) { #expect(try result.get().keys.count == 1) }
        for name in ["first", "second"] {
            let request = AgentRequest.sign(key: name, message: [1], scheme: .rsaPssSha256)
            let signature = try client.call(request).data
            #expect(signature.count == 256)
            let check = AgentRequest.verify(key: name, message: [1], signature: signature, scheme: .rsaPssSha256)
            #expect(try client.call(check).valid)
        }
        #expect(agent.stop() == 0)
    }

    @Test("an agent that is killed while it makes an RSA key has no key and no object afterwards, and can make it")
    func crash() throws {
        let agent = try TestAgent(starting: false)
        let module = try TamperedModule(in: agent.directory)
        let text = try String(contentsOfFile: agent.configuration, encoding: .utf8)
        try text.replacingOccurrences(of: TestToken.module, with: module.path)
            .write(toFile: agent.configuration, atomically: true, encoding: .utf8)
        try agent.start()
        try module.set(.slowRSA)
        try startThread("making") {
            _ = try? agent.client().call(.createKey("k", type: .rsa2048), timeout: .seconds(60))
        }
        try agent.wait("the search") { module.searches == 1 }
        agent.crash()
        module.clear(.slowRSA)
        try agent.startServing()
        let client = agent.client()
        #expect(try client.refusal(.showKey("k")).code == .notFound)
        #expect(try client.call(.unnamedKeys()).keys.isEmpty)
        _ = try client.call(.createKey("k", type: .rsa2048), timeout: .seconds(60))
    }

    @Test("bad input in requests about RSA keys is refused, and the connection goes on")
    func badInput() throws {
        let agent = try TestAgent()
        let client = agent.client()
        _ = try client.call(.createKey("old", type: .rsa2048), timeout: .seconds(60))
        _ = try client.call(.createKey("new", type: .p256))
        func isRefused(_ request: AgentRequest, _ code: ErrorCode = .invalidArgument) throws {
            #expect(try client.refusal(request).code == code, "\(request)")
        }
        try isRefused(.sign(key: "old", message: [1]))
        try isRefused(.sign(key: "old", message: [1], scheme: .UNRECOGNIZED(7)))
        try isRefused(.sign(key: "old", message: [1], scheme: .UNRECOGNIZED(-1)))
        try isRefused(.sign(key: "old", message: [1], scheme: .UNRECOGNIZED(260)))
        try isRefused(.sign(key: "old", message: [1], format: .der, scheme: .rsaPssSha256))
        try isRefused(.sign(key: "new", message: [1], scheme: .rsaPssSha256))
        for size in [0, 20, 31, 33, 48, 51, 64, 4096] {
            let digest = [UInt8](repeating: 1, count: size)
            try isRefused(.sign(key: "old", message: digest, prehashed: true, scheme: .rsaPkcs1Sha256))
            let signature = [UInt8](repeating: 1, count: size)
            try isRefused(.verify(key: "old", message: [1], signature: signature, scheme: .rsaPssSha256))
            try isRefused(.decrypt(key: "old", sealed: signature))
        }
        try isRefused(.decrypt(key: "old", sealed: [UInt8](repeating: 0xff, count: 256)), .dataLoss)
        try isRefused(.decrypt(key: "old", sealed: [UInt8](repeating: 0, count: 256)), .dataLoss)
        try isRefused(.encrypt(key: "old", plaintext: [1]))
        try isRefused(.mac(key: "old", message: [1]))
        try isRefused(.createKey("huge", type: .UNRECOGNIZED(99)))
        var two = AgentRequest.sign(key: "old", message: [1], scheme: .rsaPssSha256)
        two.details += two.details
        try isRefused(two)
        #expect(try client.call(.sign(key: "old", message: [1], scheme: .rsaPssSha256)).data.count == 256)
    }
}
