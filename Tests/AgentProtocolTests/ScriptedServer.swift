import AgentProtocol
import DTASystem
import Glibc
import TestSupport

/// A real socket with a server that does what a test says, and nothing more: `serve` runs for each connection, on a
/// thread of its own, and the connection closes when it returns.
final class ScriptedServer: Sendable {
    let path: String
    private let directory: TemporaryDirectory
    private let listener: Locked<Descriptor?>
    let accepted = Monitor(0)

    init(serve: @escaping @Sendable (Peer) throws -> Void) throws {
        directory = try TemporaryDirectory()
        path = directory.file("agent.sock")
        let socket = try UnixSocket.listen(at: path, mode: 0o600)
        listener = Locked(socket)
        let accepted = accepted
        detached { [weak self] in
            while true {
                let connection = accept(socket.number, nil, nil)
                guard connection >= 0, self != nil else { return }
                let peer = Peer(Descriptor(owning: connection))
                accepted.withLockSignalling { $0 += 1 }
                detached { try? serve(peer) }
            }
        }
    }

    deinit {
        // Wakes accept, which then fails.
        listener.withLock { if let socket = $0 { shutdown(socket.number, Int32(SHUT_RDWR)) } }
    }

    /// How many connections have come.
    var connections: Int { accepted.withLock { $0 } }
}

/// The server's end of a connection.
final class Peer: Sendable {
    let socket: Descriptor

    init(_ socket: Descriptor) { self.socket = socket }

    /// The next request; throws at the end of the stream.
    func request() throws -> AgentRequest {
        let size = try AgentFrame.bodySize(header: bytes(AgentFrame.headerSize))
        return try AgentRequest(serializedBytes: bytes(size))
    }

    func bytes(_ count: Int) throws -> [UInt8] {
        var result: [UInt8] = []
        while result.count < count {
            var chunk = [UInt8](repeating: 0, count: count - result.count)
            let capacity = chunk.count
            let got = try chunk.withUnsafeMutableBytes {
                try UnixSocket.receive(socket.number, into: $0.baseAddress!, capacity: capacity)
            }
            if got == 0 { throw SystemCallError("recv", errno: ECONNRESET) }
            result += chunk[..<got]
        }
        return result
    }

    func send(_ bytes: [UInt8]) throws {
        try bytes.withUnsafeBytes { try UnixSocket.sendAll(socket.number, $0) }
    }

    func answer(_ id: UInt64, _ text: String = "") throws {
        var response = AgentResponse()
        response.id = id
        response.data = .init(Array(text.utf8))
        try send(AgentFrame.encode(response))
    }

    func refuse(_ id: UInt64, _ error: DTAError) throws {
        try send(AgentFrame.encode(AgentResponse(id: id, error: error)))
    }

    /// Ends the connection now, and not when the last reference goes.
    func close() { shutdown(socket.number, Int32(SHUT_RDWR)) }

    /// Answers every request with its own subject until the client goes.
    func echo() throws {
        while true {
            let request = try request()
            try answer(request.id, request.subject)
        }
    }
}

/// Runs `body` on a thread of its own: blocking calls have no place among Swift's tasks.
func detached(_ body: @escaping @Sendable () -> Void) {
    final class Box: Sendable {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }
    var thread = pthread_t()
    let code = pthread_create(
        &thread, nil,
        { argument in
            Unmanaged<Box>.fromOpaque(argument!).takeRetainedValue().body()
            return nil
        }, Unmanaged.passRetained(Box(body)).toOpaque())
    precondition(code == 0)
    pthread_detach(thread)
}

extension AgentResponse {
    var text: String { String(decoding: data, as: UTF8.self) }
}
