import DTAFormats
import DTASystem
import TestSupport
import Testing

@testable import CustodyProtocol
@testable import DTACustody

@Suite("Custody's messages", .ownThread)
struct MessageCodecTests {
    /// A message without its length.
    static func bytes(_ head: UInt8, _ fields: (inout CustodyWriter) throws -> Void) rethrows -> [UInt8] {
        var writer = CustodyWriter()
        writer.begin(head)
        try fields(&writer)
        return Array(writer.finished().dropFirst(CustodyFrame.headerSize))
    }

    private static func request(_ operation: CustodyOperation, _ fields: [[UInt8]]) -> [UInt8] {
        bytes(operation.rawValue) { writer in
            for field in fields { writer.field(field) }
        }
    }

    /// Takes all fields of a message.
    static func reading<Result>(
        _ bytes: [UInt8], _ body: (inout CustodyReader) throws -> Result
    ) throws -> Result {
        try bytes.withUnsafeBytes { message in
            var fields = try CustodyReader(message)
            let result = try body(&fields)
            try fields.end()
            return result
        }
    }

    @Test("each operation has a type of its own for its messages, and dtad-hsm a handler for that type")
    func types() {
        for operation in CustodyOperation.allCases {
            #expect(operation.message.operation == operation)
            #expect(Custody.handler(operation).operation == operation)
        }
        #expect(Set(CustodyOperation.allCases.map { "\($0.message)" }).count == CustodyOperation.allCases.count)
    }

    @Test("one side of the wall reads what the other side writes, request and answer, for random fields")
    func roundTrips() throws {
        var random = SeededGenerator()
        for _ in 0..<50 {
            for operation in CustodyOperation.allCases {
                let sample = try MessageSample.random(operation, &random)
                #expect(sample.operation == operation)
                try sample.check()
            }
        }
    }

    @Test("recorded messages of custody are read and written again, request and answer, byte for byte")
    func recorded() throws {
        func check<Message: CustodyMessage>(_: Message.Type, _ exchange: CustodyExchange) throws {
            let (request, answer) = (Array(exchange.request.dropFirst(4)), Array(exchange.answer.dropFirst(4)))
            let message = try Self.reading(request) { try Message(from: &$0) }
            #expect(Self.bytes(Message.operation.rawValue) { message.encode(to: &$0) } == request)
            let answered = try Self.reading(answer) { try message.answer(from: &$0) }
            #expect(try Self.bytes(CustodyFrame.ok) { try message.encode(answered, to: &$0) } == answer)
        }
        for operation in CustodyOperation.allCases {
            try check(operation.message, RecordedSession.exchange(operation))
        }
    }

    @Test("a request with a field too few or too many is refused before anything is done")
    func fields() throws {
        for operation in CustodyOperation.allCases {
            let fields = try RecordedSession.exchange(operation).fields
            func refused(_ fields: [[UInt8]]) {
                expect(.invalidArgument) {
                    let request = Self.request(operation, fields)
                    return try Self.reading(request) { try operation.message.init(from: &$0) }
                }
            }
            if !fields.isEmpty { refused(Array(fields.dropLast())) }
            refused(fields + [[]])
        }
    }

    @Test("a field that is longer or shorter than its bound is refused")
    func bounds() throws {
        let recorded = try Dictionary(
            uniqueKeysWithValues: CustodyOperation.allCases.map { ($0, try RecordedSession.exchange($0).fields) })
        // The operation, its field from 0, and how many bytes that has: each is one more than allowed, or none of those.
        let bounds: [(CustodyOperation, field: Int, sizes: [Int])] = [
            (.begin, 0, [65]), (.begin, 1, [15, 17]), (.random, 0, [3, 5]), (.list, 0, [0, 2]),
            (.generate, 2, [15, 17]),
            (.delete, 1, [15, 17]), (.sign, 0, [15, 17]), (.signDocument, 1, [129]), (.signDocument, 2, [31, 33]),
            (.openKey, 2, [1215, 1217]), (.openKey, 3, [96, 98]), (.openKey, 4, [31, 33]), (.openKey, 5, [35, 37]),
            (.openKey, 6, [1119, 1121]), (.openKey, 7, [47, 49]), (.sealState, 0, [1 << 20 | 1]),
            (.sealState, 1, [129]), (.sealState, 2, [129]), (.unsealState, 0, [(1 << 20) + 34]),
            (.signPostQuantum, 1, [1951, 1953]), (.signPostQuantum, 2, [1024 + 34]), (.newSeed, 3, [96, 98]),
            (.newSeed, 4, [35, 37]), (.newSeed, 5, [256 << 10 | 1]), (.newSeed, 6, [512 << 10 | 1]),
            (.newOrderKey, 5, [256 << 10 | 1]), (.release, 5, [(64 << 10) + 1024 + 34]), (.release, 6, [35, 37]),
            (.release, 7, [256 << 10 | 1]), (.release, 8, [128 << 10 | 1]), (.release, 9, [512 << 10 | 1]),
            (.signForOrder, 8, [128 << 10 | 1]), (.resealOrder, 0, [(64 << 10) + 1024 + 34]), (.resealOrder, 1, [35]),
            (.sealOrderState, 0, [64 << 10 | 1]), (.openOrderState, 0, [(64 << 10) + 34]),
            (.resealOrderState, 0, [(64 << 10) + 34]), (.newEpoch, 0, [3, 5]), (.createShare, 1, [35, 37]),
            (.createShare, 2, [33]), (.exportWallet, 0, [134]), (.exportWallet, 1, [32, 34]),
            (.exportWallet, 7, [256 << 10 | 1]), (.examine, 0, [0, 2]), (.signRSA, 1, [0, 2]),
            (.beginImport, 3, [31, 33]), (.importKey, 3, [2673]),
            (.origin, 0, [15, 17]), (.agree, 0, [15, 17]), (.agree, 1, [98]),
            (.signRSA, 2, [0, 31, 33, 48, 64]),
        ]
        for (operation, field, sizes) in bounds {
            for size in sizes {
                var fields = try #require(recorded[operation])
                fields[field] = [UInt8](repeating: 1, count: size)
                expect(.invalidArgument, "field \(field) of \(operation) with \(size) bytes") {
                    let request = Self.request(operation, fields)
                    return try Self.reading(request) { try operation.message.init(from: &$0) }
                }
            }
        }
    }

    @Test("a field that is no CID, no time or no list of blocks is refused")
    func forms() throws {
        let late = (0..<8).map { UInt8(truncatingIfNeeded: UInt64(253_402_300_800) >> (56 - 8 * $0)) }
        let cases: [(CustodyOperation, field: Int, [UInt8])] = [
            (.release, 6, [UInt8](repeating: 1, count: CID.byteCount)), (.release, 4, [UInt8](repeating: 0, count: 36)),
            (.release, 8, [1]), (.release, 9, [0, 0, 0, 2, 1]), (.release, 10, late),
            (.release, 10, [UInt8](repeating: 255, count: 8)), (.sealOrderState, 1, [UInt8](repeating: 0, count: 36)),
            (.createShare, 1, [UInt8](repeating: 0, count: 36)), (.generate, 0, [12]), (.list, 0, [9]),
            (.beginImport, 0, [12]),
            (.examine, 0, [13]), (.signRSA, 1, [0]), (.signRSA, 1, [7]),
        ]
        for (operation, field, value) in cases {
            var fields = try RecordedSession.exchange(operation).fields
            fields[field] = value
            expect(.invalidArgument, "field \(field) of \(operation)") {
                let request = Self.request(operation, fields)
                return try Self.reading(request) { try operation.message.init(from: &$0) }
            }
        }
    }
}
