import CPKCS11
import DTABytes
import DTASystem
import Foundation
import TestSupport
import Testing

@testable import DTACryptoki

@Suite("dta-p11 and what is no call", .ownThread)
struct HostileFrameTests {
    @Test("garbage in a frame is answered with an error, and the client is served further")
    func garbage() throws {
        let agent = try TestAgent()
        let client = try RPCClient.initialized(agent)
        let session = try client.openSession()
        let bad: [[UInt8]] = [
            [], [1], [0, 0, 0, 0], [0xff, 0xff, 0xff, 0xff], UInt32(10).bigEndianBytes,
            UInt32(10).bigEndianBytes + [0xff, 0xff, 0xff, 0xff],
            UInt32(10).bigEndianBytes + [0x7f, 0xff, 0xff, 0xff],
            // C_OpenSession with the signature of another call, without its values, and with more than them.
            RPCWriter(asking: .getInfo).bytes, UInt32(10).bigEndianBytes + [0, 0, 0, 1, 0x75],
            RPCWriter(asking: .openSession).bytes,
            RPCWriter(asking: .openSession).bytes + [UInt8](repeating: 0, count: 99),
            [UInt8](repeating: 0x41, count: 100_000),
        ]
        for message in bad {
            guard message != RPCWriter(asking: .getInfo).bytes else { continue }
            #expect(
                try client.refusal {
                    _ = try RPCClient.values(of: try client.exchange(message), .openSession)
                } != CKR_OK)
        }
        var generator = SeededGenerator()
        print("seed \(generator.seed)")
        for _ in 0..<2000 {
            let call = RPCCall.allCases.randomElement(using: &generator)!
            // Ending is not what this is about.
            guard call != .finalize, call != .closeSession, call != .closeAllSessions else { continue }
            var message = RPCWriter(asking: call).bytes
            if Bool.random(using: &generator) { message += UInt64(session).bigEndianBytes }
            for _ in 0..<Int.random(in: 0..<60, using: &generator) {
                message.append(Bool.random(using: &generator) ? 0 : UInt8.random(in: 0...255, using: &generator))
            }
            _ = try client.exchange(message, options: Array("options".utf8))
        }
        #expect(try client.find(session, []).isEmpty)
    }

    @Test("a message that is too long is read past, and answered")
    func oversized() throws {
        let agent = try TestAgent()
        let client = try RPCClient.initialized(agent)
        let long = [UInt8](repeating: 0, count: RPCFrame.messageLimit + 1)
        #expect(
            try client.refusal { _ = try RPCClient.values(of: try client.exchange(long), .sign) } == CKR_DATA_LEN_RANGE)
        let options = [UInt8](repeating: 1, count: 5 << 20)
        _ = try RPCClient.values(of: try client.exchange(RPCWriter(asking: .getInfo).bytes, options: options), .getInfo)
        _ = try client.openSession()
    }

    @Test("a stream that ends anywhere, or begins no frame, ends the program, and only that")
    func ends() throws {
        let agent = try TestAgent()
        let whole = UInt32(5).bigEndianBytes + [0, 0, 0, 2, 0, 0, 0, 10, 1, 2] + RPCWriter(asking: .getInfo).bytes
        for length in [0, 1, 11, 12, 13, 14, 20] {
            let client = try RPCClient(agent)
            try client.send(Array(whole.prefix(length)))
            client.finishSending()
            #expect(client.program.wait() == (length == 0 ? 0 : 1), "after \(length) bytes")
        }
        let silent = try RPCClient(agent, version: nil)
        silent.finishSending()
        #expect(silent.program.wait() == 0)
        let zero = try RPCClient(agent)
        try zero.send([UInt8](repeating: 0, count: 12))
        #expect(zero.program.wait() == 1)
    }

    @Test("a client that has not said who it is gets nothing")
    func handshake() throws {
        let agent = try TestAgent()
        let client = try RPCClient(agent)
        #expect(try client.refusal { _ = try client.call(.getInfo) } == CKR_CRYPTOKI_NOT_INITIALIZED)
        let wrong = try client.refusal {
            _ = try client.call(.initialize) {
                $0.array(Array("something else".utf8))
                $0.byte(0)
                $0.array([0])
            }
        }
        #expect(wrong == CKR_GENERAL_ERROR)
        #expect(try client.refusal { _ = try client.openSession() } == CKR_CRYPTOKI_NOT_INITIALIZED)
        try client.initialize()
        _ = try client.openSession()
        // A client that offers a newer version gets the newest that is spoken here.
        _ = try RPCClient.initialized(agent, version: 7).openSession()
    }

    @Test("sessions and searches are bounded, and those that are open go on")
    func bounds() throws {
        let agent = try TestAgent()
        _ = try agent.client().call(.createKey("key", type: .p256), timeout: .seconds(120))
        let client = try RPCClient.initialized(agent)
        var open: [UInt] = []
        var refused = 0
        for _ in 0..<10_000 {
            do {
                open.append(try client.openSession())
            } catch let error as CryptokiError {
                #expect(error.code == CKR_SESSION_COUNT)
                refused += 1
            }
        }
        #expect(open.count == Cryptoki.sessionLimit && refused == 10_000 - open.count)
        for session in open {
            _ = try client.call(.findObjectsInit) {
                $0.number(session)
                $0.template([Attribute(CKA_LABEL, .bytes([UInt8](repeating: 1, count: 10_000)))])
            }
        }
        for _ in 0..<10_000 {
            let code = try client.refusal {
                _ = try client.call(.findObjectsInit) {
                    $0.number(open[0])
                    $0.template([])
                }
            }
            #expect(code == CKR_OPERATION_ACTIVE)
        }
        _ = try client.call(.closeSession) { $0.number(open[1]) }
        let session = try client.openSession()
        let key = try client.object(session, CKO_PRIVATE_KEY, "key")
        #expect(try client.signature(session, CKM_ECDSA, key, [UInt8](repeating: 1, count: 32)).count == 64)
        // Another client is not concerned.
        _ = try RPCClient.initialized(agent).openSession()
    }
}
