import AgentProtocol
import DTASystem
import Foundation
import TestSupport
import Testing

@Suite("Bad input", .ownThread)
struct BadInputTests {
    private let agent: TestAgent
    private let client: BlockingAgentClient

    init() throws {
        agent = try TestAgent()
        client = agent.client()
        for (name, type) in [
            ("ed", AgentKeyType.ed25519), ("p256", .p256), ("k1", .secp256K1), ("mac", .hmacSha256), ("aes", .aes256),
        ] { _ = try client.call(.createKey(name, type: type)) }
    }

    @Test(
        "a closed standard output makes dtactl fail, and its output is written to nothing that it opened",
        arguments: ["status", "random 5", "key list", "audit list", "version"])
    func closedOutput(command: String) throws {
        let words = [try Binary.path("dtactl")] + command.split(separator: " ").map(String.init)
        let environment = ["DTA_SOCKET": agent.socketPath]
        let ended = try run("/bin/sh", ["-c", "exec \"$@\" >&-", "sh"] + words, environment: environment)
        #expect(ended.status == 1 && ended.errors.contains("standard output took no more"), "\(ended)")
    }

    @Test("bad input in names is refused, and the connection goes on")
    func names() throws {
        for name in [
            "", "a/b", "../x", "a\u{0}b", String(repeating: "x", count: 10_000), ".hidden", "ä", "a b", "-x", "a\nb",
        ] {
            #expect(try client.refusal(.createKey(name, type: .p256)).code == .invalidArgument, "\(name.prefix(20))")
            #expect([.invalidArgument, .notFound].contains(try client.refusal(.sign(key: name, message: [1])).code))
            #expect(try client.refusal(.createIdentity(name)).code == .invalidArgument)
        }
        #expect(try client.call(.status()).code == .ok)
    }

    @Test("bad input in lengths of digests and signatures is refused with the right length")
    func lengths() throws {
        for size in [0, 1, 31, 33, 64, 1000] {
            let digest = [UInt8](repeating: 1, count: size)
            for key in ["p256", "k1"] {
                let error = try client.refusal(.sign(key: key, message: digest, prehashed: true))
                #expect(error.code == .invalidArgument && error.message.contains("32"), "\(error)")
            }
        }
        #expect(
            try client.refusal(.sign(key: "ed", message: [UInt8](repeating: 0, count: 32), prehashed: true)).code
                == .invalidArgument)
        for size in [0, 1, 63, 65, 4096] {
            let signature = [UInt8](repeating: 1, count: size)
            for key in ["ed", "p256", "k1"] {
                let request = AgentRequest.verify(key: key, message: [1], signature: signature)
                #expect(try client.refusal(request).code == .invalidArgument, "\(key) \(size)")
            }
        }
        let wrong = [UInt8](repeating: 1, count: 64)
        #expect(try !client.call(.verify(key: "p256", message: [1], signature: wrong)).valid)
    }

    @Test("bad input of a key's wrong kind is refused")
    func wrongKind() throws {
        for request in [
            AgentRequest.sign(key: "aes", message: [1]), .mac(key: "p256", message: [1]),
            .encrypt(key: "mac", plaintext: [1]), .decrypt(key: "ed", sealed: [UInt8](repeating: 0, count: 40)),
        ] {
            let error = try client.refusal(request)
            #expect([.invalidArgument, .failedPrecondition].contains(error.code), "\(error)")
        }
    }

    @Test("bad input in size is refused at its bound and taken below it")
    func sizes() throws {
        let limit = 256 << 10
        #expect(try client.call(.sign(key: "ed", message: [UInt8](repeating: 1, count: limit))).data.count == 64)
        #expect(
            try client.refusal(.sign(key: "ed", message: [UInt8](repeating: 1, count: limit + 1))).code
                == .invalidArgument)
        #expect(
            try client.call(.encrypt(key: "aes", plaintext: [UInt8](repeating: 1, count: limit))).data.count == limit
                + 28)
        #expect(
            try client.refusal(.encrypt(key: "aes", plaintext: [UInt8](repeating: 1, count: limit + 1))).code
                == .invalidArgument)
        #expect(try client.refusal(.random(0)).code == .invalidArgument)
        #expect(try client.refusal(.random(65_537)).code == .invalidArgument)
        #expect(try client.call(.random(65_536)).data.count == 65_536)
        #expect(try client.refusal(.putBlock([UInt8](repeating: 1, count: 1 << 20 | 1))).code == .invalidArgument)
    }

    @Test("bad input that was encrypted by nobody, or for other data beside it, is DATA_LOSS")
    func tampering() throws {
        let sealed = try [UInt8](client.call(.encrypt(key: "aes", plaintext: [1, 2, 3], aad: [9])).data)
        #expect(try [UInt8](client.call(.decrypt(key: "aes", sealed: sealed, aad: [9])).data) == [1, 2, 3])
        for index in sealed.indices {
            var altered = sealed
            altered[index] ^= 1
            #expect(try client.refusal(.decrypt(key: "aes", sealed: altered, aad: [9])).code == .dataLoss)
        }
        #expect(try client.refusal(.decrypt(key: "aes", sealed: sealed, aad: [8])).code == .dataLoss)
        #expect(try client.refusal(.decrypt(key: "aes", sealed: [1, 2], aad: [])).code == .invalidArgument)
        // None of that was taken for a failure of the HSM.
        #expect(try client.call(.sign(key: "p256", message: [1])).data.count == 64)
    }

    @Test("bad input in operations and versions is refused, and the connection goes on")
    func unknown() throws {
        var request = AgentRequest(.status)
        request.version = 2
        #expect(try client.refusal(request).message.contains("version 2"))
        request = AgentRequest(.UNRECOGNIZED(4711))
        #expect(try client.refusal(request).code == .invalidArgument)
        #expect(try client.refusal(AgentRequest(.unspecified)).code == .invalidArgument)
        #expect(try client.refusal(.createKey("x", type: .UNRECOGNIZED(99))).code == .invalidArgument)
        #expect(try client.refusal(.createKey("x", type: .UNRECOGNIZED(257))).code == .invalidArgument)
        #expect(try client.call(.status()).code == .ok)
    }

    @Test("bad input that is no canonical DAG-CBOR is refused by the ledger")
    func notCanonical() throws {
        let type = "application/vnd.ipld.dag-cbor"
        for bytes: [UInt8] in [
            [], [0x18, 0x01], [0xbf, 0xff], [0xa2, 0x61, 0x62, 0x01, 0x61, 0x61, 0x02], [0x01, 0x01],
            [0xf9, 0x7e, 0x00],
        ] { #expect(try client.refusal(.putBlock(bytes, contentType: type)).code == .invalidArgument, "\(bytes)") }
        #expect(try client.refusal(.putBlock([1], contentType: "text/plain")).code == .invalidArgument)
        #expect(try client.refusal(.getBlock("bafynonsense")).code == .invalidArgument)
    }

    @Test("bad input that no client sends leaves the agent serving others, and its audit log sound")
    func noise() throws {
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<200 {
            let socket = try UnixSocket.connect(to: agent.socketPath)
            let bytes = (0..<Int.random(in: 1...300, using: &generator)).map { _ in
                UInt8.random(in: 0...255, using: &generator)
            }
            var frame: [UInt8] = [0, 0, UInt8(bytes.count >> 8), UInt8(bytes.count & 0xff)] + bytes
            if Bool.random(using: &generator) { frame.removeLast() }
            try frame.withUnsafeBytes { try UnixSocket.sendAll(socket.number, $0) }
        }
        #expect(try client.call(.sign(key: "p256", message: [1])).data.count == 64)
        #expect(try client.call(.verifyAudit()).valid)
    }
}
