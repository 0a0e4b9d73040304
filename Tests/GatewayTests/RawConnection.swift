import Foundation
import TestSupport

/// A connection on which a test may say what no HTTP client would.
final class RawConnection {
    private let socket: Int32

    init(_ address: String) throws {
        socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var target = sockaddr_in()
        target.sin_family = sa_family_t(AF_INET)
        target.sin_port = in_port_t(UInt16(address.split(separator: ":")[1])!).bigEndian
        target.sin_addr.s_addr = inet_addr("127.0.0.1")
        let result = withUnsafePointer(to: &target) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard result == 0 else { throw TestFailure("connect: \(errno)") }
        var time = timeval(tv_sec: 60, tv_usec: 0)
        setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &time, socklen_t(MemoryLayout<timeval>.size))
    }

    deinit { close(socket) }

    /// - Returns: whether the other side still takes it.
    @discardableResult
    func send(_ text: String) -> Bool {
        let bytes = Array(text.utf8)
        return Glibc.send(socket, bytes, bytes.count, Int32(MSG_NOSIGNAL)) == bytes.count
    }

    /// Says that nothing more follows.
    func finish() { shutdown(socket, Int32(SHUT_WR)) }

    /// What comes until the other side closes.
    func readToEnd() throws -> String {
        var all: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = recv(socket, &buffer, buffer.count, 0)
            if count < 0, errno == ECONNRESET { return String(decoding: all, as: UTF8.self) }
            guard count >= 0 else { throw TestFailure("the other side neither answers nor closes") }
            if count == 0 { return String(decoding: all, as: UTF8.self) }
            all += buffer[..<count]
        }
    }

    /// What was read and belongs to no answer yet.
    private var rest: [UInt8] = []

    /// One answer's status line, its fields in lower case, and its body by Content-Length.
    struct Answer {
        var status = 0
        var fields: [String: String] = [:]
        var body: [UInt8] = []
    }

    /// Reads one answer, also an informational one.
    /// - Parameter isHead: whether it answers HEAD, which has no body.
    func readAnswer(isHead: Bool = false) throws -> Answer {
        let end = Array("\r\n\r\n".utf8)
        var head: [UInt8] = []
        while !head.suffix(4).elementsEqual(end) { head.append(try readByte()) }
        var answer = Answer()
        let lines = String(decoding: head.dropLast(4), as: UTF8.self).components(separatedBy: "\r\n")
        answer.status = lines[0].split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
        for line in lines.dropFirst() {
            let parts = line.split(separator: ":", maxSplits: 1).map { $0.trimmingCharacters(in: .whitespaces) }
            answer.fields[parts[0].lowercased()] = parts.count > 1 ? parts[1] : ""
        }
        let length = answer.fields["content-length"].flatMap { Int($0) } ?? 0
        guard !isHead else { return answer }
        while answer.body.count < length { answer.body.append(try readByte()) }
        return answer
    }

    private func readByte() throws -> UInt8 {
        if rest.isEmpty {
            var buffer = [UInt8](repeating: 0, count: 65_536)
            let count = recv(socket, &buffer, buffer.count, 0)
            guard count > 0 else { throw TestFailure("the other side closed, or is silent: \(count)") }
            rest = Array(buffer[..<count])
        }
        return rest.removeFirst()
    }
}
