import DTASystem
import Foundation
import Testing

@testable import AgentProtocol

/// The seeds for fuzzing frames: `Tests/fuzz/corpus/frame`.
@Suite("Seeds of frames", .serialized)
struct FrameSeedTests {
    private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .appendingPathComponent("../fuzz/corpus/frame").standardizedFileURL

    /// `DTA_WRITE_VECTORS=1` writes those that the project's own code makes.
    init() throws {
        guard ProcessInfo.processInfo.environment["DTA_WRITE_VECTORS"] != nil else { return }
        try FileManager.default.createDirectory(at: FrameSeedTests.folder, withIntermediateDirectories: true)
        for (name, bytes) in try FrameSeedTests.made() {
            try Data(bytes).write(to: FrameSeedTests.folder.appendingPathComponent(name))
        }
    }

    private static func made() throws -> [(name: String, bytes: [UInt8])] {
        var identity = AgentIdentity()
        identity.cid = "bafyreigbtj4x7ip5legnfznufuopl4sg4knzc2cof6duas4b3q2fy6swua"
        identity.own = true
        var answer = AgentResponse()
        answer.id = 7
        answer.identities = [identity, identity]
        answer.lines = ["one", "two"]
        answer.cursor = "9"
        let requests: [(String, AgentRequest)] = [
            ("status", .status()), ("sign", .sign(key: "release", message: [1, 2, 3], format: .der)),
            ("encrypt", .encrypt(key: "k", plaintext: [UInt8](repeating: 7, count: 40), aad: [1])),
            ("list", .list(.ledgerList, count: 1000, cursor: "17")),
            ("explain", .explainPolicy(subject: "k", permission: "sign", uid: 0)),
        ]
        let frames = try requests.map { ($0, try AgentFrame.encode($1)) }
        let refusal = AgentResponse(id: 1, error: DTAError(.notFound, "there is no such key", hint: "make one"))
        return try frames + [
            ("answer", AgentFrame.encode(answer)), ("refusal", AgentFrame.encode(refusal)),
            ("several", frames.flatMap { $0.1 }), ("cut", Array(frames[1].1.dropLast(2))),
            ("too-long", [0xff, 0xff, 0xff, 0xff]), ("nothing", [0, 0, 0, 0]),
        ]
    }

    @Test("a stream of frames is read to its end, its damage, or the middle of a frame")
    func read() throws {
        let names = try FileManager.default.contentsOfDirectory(atPath: FrameSeedTests.folder.path)
        var messages = 0
        for name in names {
            let bytes = Array(try Data(contentsOf: FrameSeedTests.folder.appendingPathComponent(name)))
            var reader = AgentFrameReader()
            bytes.withUnsafeBytes { reader.append($0) }
            do {
                while let body = try reader.next() {
                    _ = try? AgentResponse(serializedBytes: body)
                    if (try? AgentRequest(serializedBytes: body)) != nil { messages += 1 }
                }
            } catch {
                #expect((error as? DTAError)?.code == .invalidArgument, "\(name)")
            }
        }
        #expect(messages >= 10)
    }
}
