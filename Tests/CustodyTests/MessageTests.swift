import CustodyProtocol
import DTASystem
import Foundation
import TestSupport
import Testing

@Suite("Messages that are none", .ownThread)
struct MessageTests {
    let token: TestToken

    init() throws { token = try TestToken() }

    /// The bytes of a message with this content after its length.
    private func message(_ content: [UInt8], length: Int? = nil) -> [UInt8] {
        let count = UInt32(length ?? content.count)
        return (0..<4).map { UInt8(truncatingIfNeeded: count >> (24 - 8 * $0)) } + content
    }

    private func field(_ bytes: [UInt8], length: Int? = nil) -> [UInt8] { message(bytes, length: length) }

    /// A connection's first request, which expects no token.
    private var begin: [UInt8] { message([CustodyOperation.begin.rawValue] + field([]) + field([])) }

    /// Sends bytes to a fresh dtad-hsm after its first answer, closes the writing side, and gives all that it answers then.
    private func answer(to bytes: [UInt8]) throws -> (answer: [UInt8], status: Int32) {
        let hsm = try HSMProcess(token)
        let socket = hsm.socket.number
        try UnixSocket.setTimeout(socket, milliseconds: 60_000)
        try begun(socket, CustodyBuffer())
        try bytes.withUnsafeBytes { try UnixSocket.sendAll(socket, $0) }
        shutdown(socket, Int32(SHUT_WR))
        var all: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            let got = buffer.withUnsafeMutableBytes { bytes -> Int in
                let count = recv(socket, bytes.baseAddress, bytes.count, 0)
                // Bytes that dtad-hsm did not read reset the connection when it ends.
                return count < 0 && errno == ECONNRESET ? 0 : count
            }
            guard got >= 0 else { throw TestFailure("recv: \(errno)") }
            if got == 0 { break }
            all += buffer.prefix(got)
        }
        return (all, hsm.process.wait())
    }

    /// Begins a connection, as the front does.
    private func begun(_ socket: Int32, _ buffer: CustodyBuffer) throws {
        try begin.withUnsafeBytes { try UnixSocket.sendAll(socket, $0) }
        var status = try CustodyReader(try #require(try buffer.receive(from: socket)))
        #expect(status.head == CustodyFrame.ok)
        #expect(try !status.string().isEmpty)
        #expect(try status.field(exactly: TokenIdentity.landmarkSize).count == TokenIdentity.landmarkSize)
        try status.end()
    }

    @Test("a dtad-hsm of before, which speaks first, is told from one of this release")
    func olderRelease() throws {
        let (ours, theirs) = try UnixSocket.pair()
        try message([0]).withUnsafeBytes { try UnixSocket.sendAll(theirs.number, $0) }
        do {
            _ = try CustodyConnection(ours, startMilliseconds: 1000, deadlineMilliseconds: 1000)
            Issue.record("it was taken")
        } catch let error as CustodyStartError {
            #expect(error.reason.message.contains("of another release than dtad"))
        }
        withExtendedLifetime(theirs) {}
    }

    @Test("a connection that begins with anything but its first request ends with an error, before anybody logs in")
    func firstRequest() throws {
        let module = try TamperedModule(in: token.directory)
        try token.configure(["module": module.path])
        let number = CustodyOperation.begin.rawValue
        for request in [
            [1], [number], [number] + field([]), [number] + field([1]) + field([]),
            [number] + field([]) + field([1, 2]), [number] + field([]) + field([]) + field([]),
        ] as [[UInt8]] {
            let hsm = try HSMProcess(token)
            try UnixSocket.setTimeout(hsm.socket.number, milliseconds: 60_000)
            try message(request).withUnsafeBytes { try UnixSocket.sendAll(hsm.socket.number, $0) }
            let buffer = CustodyBuffer()
            var answer = try CustodyReader(try #require(try buffer.receive(from: hsm.socket.number)))
            #expect(answer.head == ErrorCode.invalidArgument.rawValue, "\(request)")
            #expect(try !answer.string().isEmpty)
            #expect(hsm.process.wait() == Int32(CustodyExit.failed.rawValue))
        }
        #expect(module.logins == 0)
    }

    @Test(
        "a message of an impossible size ends the process with an error",
        arguments: [0, (1 << 20) + (1 << 16) + 1, 0xffff_ffff])
    func sizes(length: Int) throws {
        let (answer, status) = try answer(to: message([1], length: length))
        #expect(answer.dropFirst(4).first == ErrorCode.invalidArgument.rawValue)
        #expect(status == Int32(CustodyExit.failed.rawValue))
    }

    @Test("a message that is cut short ends the process with an error")
    func truncated() throws {
        for bytes in [[0], [0, 0, 0], message([1], length: 2), message([8, 0, 0], length: 4)] as [[UInt8]] {
            let (answer, status) = try answer(to: bytes)
            #expect(answer.dropFirst(4).first == ErrorCode.invalidArgument.rawValue, "\(bytes)")
            #expect(status == Int32(CustodyExit.failed.rawValue))
        }
    }

    @Test("two requests at once are refused: the front asks one at a time")
    func twoAtOnce() throws {
        let (answer, status) = try answer(to: message([1]) + message([1]))
        #expect(answer.dropFirst(4).first == ErrorCode.invalidArgument.rawValue)
        #expect(status == Int32(CustodyExit.failed.rawValue))
    }

    @Test("the end of a connection without a message is a clean end")
    func end() throws {
        let (answer, status) = try answer(to: [])
        #expect(answer.isEmpty)
        #expect(status == 0)
    }

    @Test("dtad-hsm refuses a malformed request, and serves the next one")
    func malformed() throws {
        let id = [UInt8](repeating: 1, count: 16)
        var requests: [[UInt8]] = [
            [0], [17], [255], [1, 0], [1] + field([]), [2], [2] + field([1]), [2] + field([0, 0, 0, 0]),
            [2] + field([0, 1, 0, 1]), [2] + field([0, 0, 0, 1]) + field([]), [3] + field([0]), [3] + field([9]),
            [4] + field([12]) + field([0, 0, 0, 1]) + field(id), [4] + field([1]) + field([0, 0, 0, 1]) + field([1]),
            [8] + field(id.dropLast()) + field([1]), [8] + field(id + [1]) + field([1]), [8] + field(id),
            [8] + field(id) + field([1], length: 2), [8] + field(id) + field([1], length: 0xffff_ffff),
            [8] + field(id) + field([1]) + [0],
            [13] + field(id) + field([UInt8](repeating: 65, count: 129)) + field(id),
            [14] + field(id), [15] + field([]) + field([]) + field([UInt8](repeating: 0, count: 129)),
            [20] + field(id), [21] + field(id) + field([0, 0, 0, 1]), [22] + field([]), [23], [24], [24] + field([1]),
            [24] + field([0, 0, 0, 1]) + field([]), [25] + field([1]) + field([1]) + field([0, 0, 0, 1]), [26],
            [27] + field([0, 0, 0, 1]) + field(id), [28] + field([]) + field([]), [29, 0], [29] + field([]), [30],
            [31] + field([]), [32],
            [33], [33] + field(id) + field([0, 0, 0, 1]), [34] + field([]), [35], [35] + field([]) + field([]), [36],
            [36] + field([0]), [36] + field([13]), [36] + field([1, 1]), [37],
            [37] + field(id) + field([0]) + field(id + id),
            [37] + field(id) + field([7]) + field(id + id), [37] + field(id) + field([2]) + field(id + id),
            [37] + field(id) + field([1]) + field(id + id) + field([]), [38], [38] + field([2]),
            [38] + field([2]) + field([0, 0, 0, 1]) + field(id) + field(id), [39], [39] + field([2]) + field(id), [40],
            [40] + field(id) + field(id), [41],
            [41] + field(id), [41] + field(id) + field([UInt8](repeating: 4, count: 98)), [42],
        ]
        // Requests of random bytes; the seed is fixed.
        var state: UInt64 = 20_240_607
        for operation in UInt8(1)...37 {
            for _ in 0..<20 {
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                let count = Int(state >> 58)
                requests.append([operation] + (0..<count).map { UInt8(truncatingIfNeeded: (state >> 13) >> ($0 & 31)) })
            }
        }
        let hsm = try HSMProcess(token)
        let socket = hsm.socket.number
        try UnixSocket.setTimeout(socket, milliseconds: 60_000)
        let buffer = CustodyBuffer()
        try begun(socket, buffer)
        for request in requests {
            try message(request).withUnsafeBytes { try UnixSocket.sendAll(socket, $0) }
            let bytes = try #require(try buffer.receive(from: socket))
            var answer = try CustodyReader(bytes)
            // A describe alone, and the questions for epochs and for the version, are those of these that are right.
            if request == [1] || request == [29] || request == [34] { continue }
            #expect(answer.head == ErrorCode.invalidArgument.rawValue, "\(request)")
            #expect(try !answer.string().isEmpty)
        }
        #expect(try run("kill", ["-0", "\(hsm.process.pid)"]).status == 0)
    }

    @Test("an answer that is none breaks the connection")
    func badAnswers() throws {
        let answers: [[UInt8]] = [
            message([], length: 0), message([], length: 1 << 24), message([99]), message([1]), message([0, 1]),
            message([0] + field([1])), message([0] + field([1, 2])), message([0] + field([1, 2, 3]) + field([])),
            message([0] + field([1, 2, 3])) + [0], message([0] + field([1, 2, 3], length: 4)), [0, 0], [],
        ]
        for answer in answers {
            let (ours, theirs) = try UnixSocket.pair()
            let status = message([0] + field([65]) + field([UInt8](repeating: 1, count: TokenIdentity.landmarkSize)))
            try status.withUnsafeBytes { try UnixSocket.sendAll(theirs.number, $0) }
            let connection = try CustodyConnection(ours, startMilliseconds: 1000, deadlineMilliseconds: 60_000)
            try answer.withUnsafeBytes { try UnixSocket.sendAll(theirs.number, $0) }
            shutdown(theirs.number, Int32(SHUT_WR))
            expect(.unavailable) { try connection.ask(DrawRandom(count: 3)) }
            #expect(connection.isBroken, "\(answer)")
            expect(.unavailable) { try connection.ask(DrawRandom(count: 3)) }
        }
    }

    @Test("a dtad-hsm of another release is known by its version, before anything else is asked of it")
    func otherRelease() throws {
        try HSMProcess(token).connect().requireSameVersion()
        let begun = message([0] + field([65]) + field([UInt8](repeating: 1, count: TokenIdentity.landmarkSize)))
        let unknown = message(
            [ErrorCode.invalidArgument.rawValue] + field(Array("custody operation 34 is unknown".utf8)) + field([]))
        // The first release said nothing about its token; the next ones are asked for their version.
        let others: [(first: [UInt8], then: [UInt8]?)] = [
            (message([0]), nil), (begun, unknown), (begun, message([0] + field([0, 0, 0, 1]))),
            (begun, message([0] + field([0, 0, 0, 3]))),
        ]
        for (first, then) in others {
            let (ours, theirs) = try UnixSocket.pair()
            try first.withUnsafeBytes { try UnixSocket.sendAll(theirs.number, $0) }
            do {
                let connection = try CustodyConnection(ours, startMilliseconds: 1000, deadlineMilliseconds: 60_000)
                try then?.withUnsafeBytes { try UnixSocket.sendAll(theirs.number, $0) }
                try connection.requireSameVersion()
                Issue.record("another release was taken")
            } catch let error as CustodyStartError {
                #expect(error.reason.code == .failedPrecondition && error.reason.message.contains("of another release"))
                #expect(error.reason.hint.contains("of one release"))
            }
        }
    }
}
