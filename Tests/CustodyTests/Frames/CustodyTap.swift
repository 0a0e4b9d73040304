import CustodyProtocol
import DTASystem
import Foundation
import TestSupport

/// Stands between a front and a dtad-hsm, passes every message on as it is, and keeps a copy.
final class CustodyTap: Sendable {
    /// The front's end.
    let socket: Descriptor
    private let recorded = Locked<[CustodyExchange]>([])

    /// - Parameter hsm: a dtad-hsm that nobody has asked anything yet.
    init(_ hsm: HSMProcess) throws {
        let (front, inner) = try UnixSocket.pair()
        socket = front
        Thread.detachNewThread { [recorded] in
            let (requests, answers) = (CustodyBuffer(), CustodyBuffer())
            // Either side may end the session; the other one then sees the end of its stream.
            while let request = try? requests.receive(from: inner.number).map({ CustodyTap.frame(Array($0)) }),
                (try? CustodyTap.send(request, to: hsm.socket)) != nil,
                let answer = try? answers.receive(from: hsm.socket.number).map({ CustodyTap.frame(Array($0)) })
            {
                recorded.withLock { $0.append(CustodyExchange(request: request, answer: answer)) }
                guard (try? CustodyTap.send(answer, to: inner)) != nil else { break }
            }
            shutdown(inner.number, Int32(SHUT_RDWR))
            withExtendedLifetime(hsm) {}
        }
    }

    var exchanges: [CustodyExchange] { recorded.withLock { $0 } }

    /// A message with its length before it.
    private static func frame(_ message: [UInt8]) -> [UInt8] {
        (0..<4).map { UInt8(truncatingIfNeeded: message.count >> (24 - 8 * $0)) } + message
    }

    private static func send(_ frame: [UInt8], to socket: Descriptor) throws {
        try frame.withUnsafeBytes { try UnixSocket.sendAll(socket.number, $0) }
    }
}

/// A request and its answer, as they were on the wire.
struct CustodyExchange: Sendable {
    var request: [UInt8]
    var answer: [UInt8]

    var operation: CustodyOperation? { request.count > 4 ? CustodyOperation(rawValue: request[4]) : nil }

    /// The request's fields.
    var fields: [[UInt8]] {
        get throws {
            var fields: [[UInt8]] = []
            try request.dropFirst(CustodyFrame.headerSize).withUnsafeBytes { bytes in
                var reader = try CustodyReader(bytes)
                while reader.hasMore { fields.append(try reader.field()) }
            }
            return fields
        }
    }
}
