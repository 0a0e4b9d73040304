import DTASystem
import Foundation

/// A server on a Unix socket that says to each HTTP request what a test makes it say: what no real node would.
public final class FakeNode: Sendable {
    public enum Answer: Sendable {
        /// Bytes as they are, and then the end of the connection.
        case raw([UInt8])
        /// Nothing, until the client gives up.
        case silence
        /// These bytes again and again, until the client hangs up; a pause of so many milliseconds between.
        case endless(head: String, [UInt8], pause: UInt32)

        public static func status(_ status: Int, _ body: String, more: String = "") -> Answer {
            .raw(
                Array(
                    "HTTP/1.1 \(status) x\r\n\(more)Content-Length: \(body.utf8.count)\r\nConnection: close\r\n\r\n\(body)"
                        .utf8))
        }

        public static func bytes(_ body: [UInt8]) -> Answer {
            .raw(Array("HTTP/1.1 200 OK\r\nContent-Length: \(body.count)\r\nConnection: close\r\n\r\n".utf8) + body)
        }
    }

    public let directory: TemporaryDirectory
    private let listener: Int32
    private let seen = Locked<[String]>([])

    public var api: String { "unix:" + directory.file("fake.sock") }
    /// The heads of all requests so far.
    public var requests: [String] { seen.withLock { $0 } }

    /// - Parameter answer: to a request's target, such as `/api/v0/block/get?arg=…`.
    public convenience init(_ answer: @escaping @Sendable (String) -> Answer) throws {
        try self.init(reading: { target, _ in answer(target) })
    }

    /// - Parameter answer: to a request's target and the file in its multipart body.
    public convenience init(reading answer: @escaping @Sendable (String, [UInt8]) -> Answer) throws {
        try self.init(receiving: { target, body in answer(target, FakeNode.file(body)) })
    }

    /// - Parameter answer: to a request's target and its body.
    public init(receiving answer: @escaping @Sendable (String, [UInt8]) -> Answer) throws {
        directory = try TemporaryDirectory()
        listener = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let path = Array(directory.file("fake.sock").utf8CString)
        withUnsafeMutableBytes(of: &address.sun_path) { target in
            target.copyBytes(from: path.map { UInt8(bitPattern: $0) })
        }
        let bound = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(listener, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        guard bound == 0, listen(listener, 64) == 0 else { throw TestFailure("no fake node: \(errno)") }
        let (accepting, seen) = (self.listener, self.seen)
        Foundation.Thread.detachNewThread {
            while true {
                let connection = accept(accepting, nil, nil)
                guard connection >= 0 else { return }
                Foundation.Thread.detachNewThread {
                    FakeNode.serve(connection, answer) { head in seen.withLock { $0.append(head) } }
                    close(connection)
                }
            }
        }
    }

    deinit {
        shutdown(listener, Int32(SHUT_RDWR))
        close(listener)
    }

    private static func serve(_ connection: Int32, _ answer: (String, [UInt8]) -> Answer, _ note: (String) -> Void) {
        var received: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        func more() -> Bool {
            let got = recv(connection, &buffer, buffer.count, 0)
            guard got > 0 else { return false }
            received += buffer[..<got]
            return true
        }
        var head = ""
        var (start, length) = (0, 0)
        while true {
            if let end = received.firstRange(of: Array("\r\n\r\n".utf8)) {
                head = String(decoding: received[..<end.lowerBound], as: UTF8.self)
                length =
                    head.lowercased().split(separator: "\r\n")
                    .first { $0.hasPrefix("content-length:") }
                    .flatMap { Int($0.dropFirst(15).trimmingCharacters(in: .whitespaces)) } ?? 0
                start = end.upperBound
                length += start
                break
            }
            guard more() else { return }
        }
        while received.count < length { guard more() else { return } }
        note(head)
        let target = head.split(separator: " ", maxSplits: 2).dropFirst().first.map(String.init) ?? ""
        switch answer(target, Array(received[start...])) {
        case .raw(let bytes): _ = send(connection, bytes)
        case .silence: while more() {}
        case .endless(let head, let bytes, let pause):
            guard send(connection, Array(head.utf8)) else { return }
            while send(connection, bytes) { usleep(pause * 1000) }  // pause: so slow is this node
        }
    }

    /// What is between the head of a body's one part and its last boundary.
    private static func file(_ body: [UInt8]) -> [UInt8] {
        guard let part = body.firstRange(of: Array("\r\n\r\n".utf8)), body.starts(with: Array("--".utf8)) else {
            return []
        }
        // The boundary stands on the part's first line.
        let first = body.prefix { $0 != 13 }
        guard let end = body[part.upperBound...].firstRange(of: [13, 10] + first + Array("--".utf8)) else { return [] }
        return Array(body[part.upperBound..<end.lowerBound])
    }

    private static func send(_ connection: Int32, _ bytes: [UInt8]) -> Bool {
        var rest = bytes[...]
        while !rest.isEmpty {
            let sent = rest.withUnsafeBytes { Glibc.send(connection, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            guard sent > 0 else { return false }
            rest = rest.dropFirst(sent)
        }
        return true
    }
}
