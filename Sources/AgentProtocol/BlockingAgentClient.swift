import DTASystem
import Glibc

/// A client for tools: one connection, one request at a time, and the calling thread waits. Every call has a time
/// limit.
///
/// It connects at the first call, and again at the next call after a connection was lost. Use it from one thread only;
/// ``AgentClient`` is for several.
public final class BlockingAgentClient {
    /// The path of the agent's socket.
    public let socketPath: String
    /// How long each answer may take, in place of what a call allows; nil: as long as the call allows.
    public var timeLimit: Duration?
    /// Called while a call waits, to tell a person; nil: nothing is.
    public var patience: Patience?
    private var socket: Descriptor?
    var reader = AgentFrameReader()
    var lastID: UInt64 = 0
    /// Where answers are read to. It is kept: glibc tidies its heap each time that so large a block is freed.
    private let room = UnsafeMutableRawPointer.allocate(byteCount: roomSize, alignment: 16)
    private static let roomSize = 1 << 16

    /// - Parameter socketPath: the path of the agent's socket.
    public init(socketPath: String) {
        self.socketPath = socketPath
    }

    deinit { unsafe room.deallocate() }

    /// What to do while no answer comes from the agent.
    public struct Patience {
        /// Called every second from the second one on, with how many have passed.
        let waiting: (Int) -> Void
        /// Called after `waiting`, when something came or the call ended.
        let over: () -> Void

        /// - Parameter waiting: called every second from the second one on, with how many have passed.
        /// - Parameter over: called after `waiting`, when something came or the call ended.
        public init(waiting: @escaping (Int) -> Void, over: @escaping () -> Void) {
            self.waiting = waiting
            self.over = over
        }

        /// Shorter waits are not shown.
        static let silence = 2
    }

    /// Asks and waits for the answer.
    /// - Parameter request: this sets its `id`.
    /// - Parameter timeout: how long the answer may take; ``timeLimit`` counts more.
    /// - Returns: the answer of an operation that was done.
    /// - Throws: ``AgentUnreachable`` if no connection could be made: nothing was asked. `DTAError` as the agent
    ///   answered it; `unavailable` if the connection was lost or `timeout` passed before the answer; `dataLoss` if
    ///   what came is not this protocol.
    public func call(_ request: AgentRequest, timeout: Duration = .seconds(30)) throws -> AgentResponse {
        let deadline = monotonicNanoseconds() &+ (timeLimit ?? timeout).wholeNanoseconds
        var request = request
        lastID += 1
        request.id = lastID
        let frame = try AgentFrame.encode(request)
        let socket = try connected(until: deadline)
        do {
            let response = try exchange(frame, on: socket.number, until: deadline)
            if let error = response.error { throw AnswerError(error: error) }
            return response
        } catch let answer as AnswerError {
            throw answer.error
        } catch {
            // The stream is somewhere inside an answer: what follows could not be read.
            close()
            throw DTAError(error)
        }
    }

    /// Connects, unless there is a connection already. Nothing is asked.
    /// - Parameter timeout: how long the agent may take to accept it; ``timeLimit`` counts more.
    /// - Throws: ``AgentUnreachable``.
    public func connect(timeout: Duration = .seconds(30)) throws {
        _ = try connected(until: monotonicNanoseconds() &+ (timeLimit ?? timeout).wholeNanoseconds)
    }

    /// Closes the connection. The next call connects again.
    public func close() {
        socket = nil
        reader = AgentFrameReader()
    }

    /// An error that the agent answered: the connection can still be used.
    private struct AnswerError: Error {
        let error: DTAError
    }

    func connected(until deadline: UInt64) throws -> Descriptor {
        if let socket {
            // The agent closes idle connections when it restarts.
            if UnixSocket.isOpen(socket.number) { return socket }
            close()
        }
        var wait = Wait(patience)
        defer { wait.end() }
        while true {
            do {
                let fresh = try UnixSocket.connect(to: socketPath, nonBlocking: true)
                socket = fresh
                return fresh
            } catch let error as SystemCallError {
                // EAGAIN: the listener's backlog is full, and the kernel has no event for when it no longer is.
                let late = monotonicNanoseconds() >= deadline
                guard error.errno == EAGAIN, !late else {
                    throw AgentUnreachable(socketPath: socketPath, errno: late ? ETIMEDOUT : error.errno)
                }
                wait.look()
                usleep(10_000)
            }
        }
    }

    private func exchange(_ frame: [UInt8], on socket: Int32, until deadline: UInt64) throws -> AgentResponse {
        // Nearly always there is room for all of it: that needs no question.
        var sent = try send(frame[...], on: socket)
        while true {
            // Answers are read while a request is still being written: the agent may refuse it half-way and close.
            let wanted = Int16(sent < frame.count ? POLLIN | POLLOUT : POLLIN)
            let events = try poll(socket, for: wanted, until: deadline)
            if events & Int16(POLLOUT) != 0 {
                sent += try send(frame[sent...], on: socket)
            }
            if events & Int16(POLLIN | POLLHUP | POLLERR) != 0, let response = try receive(from: socket) {
                return response
            }
        }
    }

    func poll(_ socket: Int32, for events: Int16, until deadline: UInt64) throws -> Int16 {
        var wait = Wait(patience)
        defer { wait.end() }
        while true {
            let now = monotonicNanoseconds()
            guard now < deadline else { throw AgentConnectionError.timeout }
            var entry = pollfd(fd: socket, events: events, revents: 0)
            let milliseconds = min((deadline - now) / 1_000_000 + 1, patience == nil ? 3_600_000 : 500)
            try systemCall("poll") { unsafe Glibc.poll(&entry, 1, Int32(milliseconds)) }
            if entry.revents != 0 { return entry.revents }
            wait.look()
        }
    }

    /// One wait, reported to `patience`.
    private struct Wait {
        private let patience: Patience?
        private let began = monotonicNanoseconds()
        private var told = 0

        init(_ patience: Patience?) { self.patience = patience }

        mutating func look() {
            let seconds = Int((monotonicNanoseconds() - began) / 1_000_000_000)
            guard let patience, seconds >= Patience.silence, seconds > told else { return }
            told = seconds
            patience.waiting(seconds)
        }

        func end() {
            if told > 0 { patience?.over() }
        }
    }

    func send(_ bytes: ArraySlice<UInt8>, on socket: Int32) throws -> Int {
        do {
            return try bytes.withUnsafeBytes { buffer in
                try systemCall("send") {
                    unsafe Glibc.send(socket, buffer.baseAddress, buffer.count, Int32(MSG_NOSIGNAL))
                }
            }
        } catch let error as SystemCallError where error.errno == EPIPE || error.errno == ECONNRESET {
            // Closed by the agent: its last answers can still be read.
            return bytes.count
        } catch let error as SystemCallError where error.errno == EAGAIN {
            return 0
        }
    }

    /// The answer to the last request, or the agent's last one (id 0); nil while it has not come.
    private func receive(from socket: Int32) throws -> AgentResponse? {
        guard try fill(from: socket) else { return nil }
        while let response = try AgentConnectionError.decoding({ try reader.next() }) {
            if response.id == lastID { return response }
            if response.id == 0, let error = response.error { throw error }
            // Any other is the late answer to a call that was given up.
        }
        return nil
    }

    /// Reads what has come; false if nothing has.
    func fill(from socket: Int32) throws -> Bool {
        let count = try unsafe receive(socket, into: room, capacity: BlockingAgentClient.roomSize)
        if count < 0 { return false }
        guard count > 0 else { throw AgentConnectionError.lost(midFrame: !reader.isEmpty) }
        unsafe reader.append(UnsafeRawBufferPointer(start: room, count: count))
        return true
    }

    /// As recv(2); -1 if there is nothing to read yet.
    private func receive(_ socket: Int32, into base: UnsafeMutableRawPointer, capacity: Int) throws -> Int {
        do {
            return try unsafe UnixSocket.receive(socket, into: base, capacity: capacity)
        } catch let error as SystemCallError where error.errno == EAGAIN {
            return -1
        } catch let error as SystemCallError where error.errno == ECONNRESET {
            return 0
        }
    }
}
