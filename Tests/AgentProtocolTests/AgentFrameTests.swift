import AgentProtocol
import DTASystem
import Testing

@Suite("AgentFrame")
struct AgentFrameTests {
    @Test("the transcript of docs/protocol.md is what is sent")
    func transcript() throws {
        var request = AgentRequest.sign(key: "release", message: Array("hello".utf8))
        request.id = 1
        #expect(
            try AgentFrame.encode(request) == [
                0x00, 0x00, 0x00, 0x16, 0x08, 0x01, 0x10, 0x01, 0x18, 0x14, 0x22, 0x07, 0x72, 0x65, 0x6c, 0x65, 0x61,
                0x73, 0x65, 0x2a, 0x05, 0x68, 0x65, 0x6c, 0x6c, 0x6f,
            ])
    }

    @Test("the refusal of docs/protocol.md is read as it is explained there")
    func refusal() throws {
        let body: [UInt8] = [0x08, 0x02, 0x10, 0x02, 0x1a, 0x17] + Array("there is no key \"nokey\"".utf8)
        #expect(body.count == 0x1d)
        let response = try AgentResponse(serializedBytes: body)
        #expect(response.id == 2)
        #expect(response.error == DTAError(.notFound, "there is no key \"nokey\""))
    }

    @Test("every error code has the same number on the wire and in errors")
    func codes() {
        for code in ErrorCode.allCases { #expect(AgentCode(code).error == code) }
        #expect(AgentCode.allCases.count == ErrorCode.allCases.count + 1)
        #expect(AgentCode.ok.error == nil)
        #expect(AgentCode.UNRECOGNIZED(99).error == .internal)
    }

    @Test("a builder sets the fields that its operation reads, and no others")
    func builders() {
        let explain = AgentRequest.explainPolicy(subject: "k", permission: "sign")
        #expect(!explain.hasUid)
        #expect(AgentRequest.explainPolicy(subject: "k", permission: "sign", uid: 0).hasUid)
        let open = AgentRequest.openEnvelope("bafy", as: "bob")
        #expect(open.operation == .envelopeOpen && open.subject == "bafy" && open.identities == ["bob"])
        #expect(AgentRequest.openEnvelope("bafy").identities.isEmpty)
        let list = AgentRequest.list(.ledgerList, count: 7, cursor: "c")
        #expect(list.operation == .ledgerList && list.count == 7 && list.cursor == "c")
    }
}
