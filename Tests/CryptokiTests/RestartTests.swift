import AgentProtocol
import CPKCS11
import DTABytes
import Foundation
import TestSupport
import Testing

@testable import DTACryptoki

@Suite("dta-p11 while the agent restarts", .ownThread)
struct RestartTests {
    @Test("children of a fork sign on while the agent restarts twice, without an error")
    func forks() throws {
        let agent = try TestAgent()
        _ = try agent.client().call(.createKey("key", type: .p256), timeout: .seconds(120))
        let kit = try P11Kit(agent, arguments: ["--wait", "60"])
        let folder = try TemporaryDirectory()
        let program = folder.file("signers")
        let source = Repository.root.appending(path: "Tests/pkcs11/signers.c").path
        try kit.output(["clang", "-O1", "-Wall", "-Werror", "-o", program, source])
        let seconds = ProcessInfo.processInfo.environment["DTA_FORK_SECONDS"].flatMap(Int.init) ?? 12
        let out = open(folder.file("out"), O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        defer { close(out) }
        let command = kit.prefix + [program, P11Kit.proxy, "key", "8", "\(seconds)"]
        let signers = try Subprocess(command[0], Array(command.dropFirst()), descriptors: [1: out, 2: out])
        func signatures() throws -> Int {
            try agent.client().call(.list(.auditList, count: 1000)).lines.count { $0.contains("\"sign\"") }
        }
        for _ in 0..<2 {
            let before = try signatures()
            try agent.wait("signatures") { try signatures() > before || before == 1000 }
            agent.stop()
            usleep(200_000)  // pause: clients find no agent for a while
            try agent.startServing()
        }
        let status = signers.wait()
        let said = try String(contentsOfFile: folder.file("out"), encoding: .utf8)
        #expect(status == 0, "\(said)\n\(agent.log)")
        let lines = said.split(separator: "\n").map { $0.split(separator: " ").compactMap { Int($0) } }
        #expect(lines.count == 8 && lines.allSatisfy { $0.count == 3 && $0[0] > 0 && $0[1] == 0 }, "\(said)")
    }

    @Test("a token that is away says so, and is back without a new client")
    func away() throws {
        let agent = try TestAgent()
        _ = try agent.client().call(.createKey("key", type: .p256), timeout: .seconds(120))
        let client = try RPCClient.initialized(agent, arguments: ["--wait", "0"])
        let session = try client.openSession()
        let key = try client.object(session, CKO_PRIVATE_KEY, "key")
        let digest = [UInt8](repeating: 1, count: 32)
        agent.stop()
        func slots() throws -> Int {
            var reader = try client.call(.getSlotList) {
                $0.byte(1)
                $0.number32(8)
            }
            return try RPCClient.numbers(&reader).count
        }
        #expect(try slots() == 0)
        #expect(try client.refusal { _ = try client.call(.getTokenInfo) { $0.number(1) } } == CKR_TOKEN_NOT_PRESENT)
        #expect(try client.refusal { _ = try client.openSession() } == CKR_TOKEN_NOT_PRESENT)
        #expect(try client.refusal { _ = try client.signature(session, CKM_ECDSA, key, digest) } == CKR_DEVICE_ERROR)
        try agent.startServing()
        #expect(try slots() == 1)
        #expect(try client.signature(session, CKM_ECDSA, key, digest).count == 64)
        #expect(try client.find(session, []).count == 2)
    }

    @Test("a signature waits for an agent that restarts")
    func waits() throws {
        let agent = try TestAgent()
        _ = try agent.client().call(.createKey("key", type: .p256), timeout: .seconds(120))
        let client = try RPCClient.initialized(agent, arguments: ["--wait", "100"])
        let session = try client.openSession()
        let key = try client.object(session, CKO_PRIVATE_KEY, "key")
        agent.crash()
        try client.begin(.signInit, session, CKM_ECDSA, key)
        var writer = RPCWriter(asking: .sign)
        writer.number(session)
        writer.array([UInt8](repeating: 1, count: 32))
        writer.number32(64)
        let message = writer.bytes
        try client.send([0, 0, 0, 99, 0, 0, 0, 0] + UInt32(message.count).bigEndianBytes + message)
        try agent.startServing()
        var reader = try RPCClient.values(of: try client.answer(to: 99), .sign)
        guard case .bytes(let signature) = try RPCClient.output(&reader) else { throw TestFailure("no signature") }
        #expect(signature.count == 64)
    }
}
