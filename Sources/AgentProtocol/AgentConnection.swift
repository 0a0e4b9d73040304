import DTASystem
import Glibc

/// One connection of an `AgentClient` with its thread, from the attempt to connect to its end.
///
/// A caller writes its frame itself, under the lock, if the socket takes it at once. The thread does all that has to
/// wait: connecting, reading answers, writing the rest of frames, and watching the deadlines.
final class AgentConnection: Sendable {
    typealias Continuation = CheckedContinuation<AgentResponse, any Error>

    private let socketPath: String
    private let state: Locked<State>
    /// A byte written to `wake` makes the thread look at the state again; it reads them from `woken`.
    private let wake: Descriptor
    private let woken: Descriptor

    private struct State {
        /// Nil while connecting, and after the end.
        var socket: Descriptor?
        /// Why the connection ended; nil while it lives.
        var end: (any Error)?
        var isClosing = false
        var waiting: [UInt64: Waiting] = [:]
        var outgoing = AgentOutgoing()
        /// When the thread looks at the deadlines next: at the earliest of them.
        var alarm = UInt64.max
    }

    private struct Waiting {
        let deadline: UInt64
        let continuation: Continuation
    }

    init(socketPath: String) throws {
        self.socketPath = socketPath
        state = Locked(State())
        do {
            (wake, woken) = try UnixSocket.pair()
            try startThread { [self] in run() }
        } catch {
            throw DTAError(.resourceExhausted, "no connection to the agent could be started: \(error)")
        }
    }

    /// Whether calls can still be sent. Asks the kernel: the agent may have gone before the thread could see it.
    var isUsable: Bool {
        state.withLock { state in
            state.end == nil && !state.isClosing && (state.socket.map { UnixSocket.isOpen($0.number) } ?? true)
        }
    }

    /// Sends a frame; `continuation` is resumed exactly once, with the answer or the reason why there is none.
    func send(_ frame: [UInt8], id: UInt64, deadline: UInt64, _ continuation: Continuation) {
        let (end, needsThread): ((any Error)?, Bool) = state.withLock { state in
            // The agent may have refused the connection, with a reason, before the first request was sent on it.
            if let end = state.end { return (end, false) }
            if state.isClosing { return (AgentConnectionError.closed, false) }
            state.waiting[id] = Waiting(deadline: deadline, continuation: continuation)
            state.outgoing.append(frame, id: id)
            var needsThread = false
            if let socket = state.socket {
                // The thread finds this error itself: it must first read what the agent said before it closed.
                needsThread = state.outgoing.flush(to: socket.number) != .empty
            }
            if deadline < state.alarm {
                state.alarm = deadline
                needsThread = true
            }
            return (nil, needsThread)
        }
        if let end {
            continuation.resume(throwing: end)
        } else if needsThread {
            wakeThread()
        }
    }

    /// Ends the wait of a cancelled call, and takes back its frame if it was not sent yet.
    func giveUp(_ id: UInt64) {
        let waiting = state.withLock { state in
            state.outgoing.remove(id)
            return state.waiting.removeValue(forKey: id)
        }
        waiting?.continuation.resume(throwing: CancellationError())
    }

    func close() {
        state.withLock { $0.isClosing = true }
        wakeThread()
    }

    private func wakeThread() {
        var byte: UInt8 = 1
        // A full pair of sockets means that the thread will wake anyway.
        _ = unsafe Glibc.send(wake.number, &byte, 1, Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT))
    }
}

// MARK: - The thread

extension AgentConnection {
    private func run() {
        do {
            let socket = try connect()
            state.withLock { $0.socket = socket }
            try serve(socket.number)
        } catch {
            end(error)
        }
    }

    private func connect() throws -> Descriptor {
        while true {
            do {
                return try UnixSocket.connect(to: socketPath, nonBlocking: true)
            } catch let error as SystemCallError {
                // EAGAIN: the listener's backlog is full, and the kernel has no event for when it no longer is.
                guard error.errno == EAGAIN else {
                    throw AgentUnreachable(socketPath: socketPath, errno: error.errno)
                }
            }
            var entries = [pollfd(fd: woken.number, events: Int16(POLLIN), revents: 0)]
            try wait(&entries, atMost: 20)
            try lookAround(late: AgentUnreachable(socketPath: socketPath, errno: ETIMEDOUT))
        }
    }

    private func serve(_ socket: Int32) throws -> Never {
        var reader = AgentFrameReader()
        while true {
            let pending = state.withLock { $0.outgoing.flush(to: socket) } == .pending
            var entries = [
                pollfd(fd: socket, events: Int16(pending ? POLLIN | POLLOUT : POLLIN), revents: 0),
                pollfd(fd: woken.number, events: Int16(POLLIN), revents: 0),
            ]
            try wait(&entries, atMost: 3_600_000)
            if entries[0].revents & ~Int16(POLLOUT) != 0 { try read(socket, &reader) }
            try lookAround(late: AgentConnectionError.timeout)
        }
    }

    /// Sleeps until one of `entries` has an event, the alarm is due, or `milliseconds` have passed.
    private func wait(_ entries: inout [pollfd], atMost milliseconds: UInt64) throws {
        let alarm = state.withLock { $0.alarm }
        let now = monotonicNanoseconds()
        let untilAlarm = alarm > now ? (alarm - now) / 1_000_000 + 1 : 0
        let count = entries.count
        try systemCall("poll") {
            unsafe poll(&entries, nfds_t(count), Int32(min(untilAlarm, milliseconds)))
        }
        if entries[count - 1].revents != 0 {
            var bytes: (UInt64, UInt64) = (0, 0)
            _ = unsafe recv(woken.number, &bytes, 16, Int32(MSG_DONTWAIT))
        }
    }

    /// Ends calls whose deadline has passed, and the connection if it is to be closed.
    private func lookAround(late: any Error) throws {
        let now = monotonicNanoseconds()
        let (expired, isClosing) = state.withLock { state -> ([Waiting], Bool) in
            guard now >= state.alarm else { return ([], state.isClosing) }
            var expired: [Waiting] = []
            var next = UInt64.max
            for (id, waiting) in state.waiting {
                if waiting.deadline <= now {
                    expired.append(waiting)
                    state.outgoing.remove(id)
                    state.waiting[id] = nil
                } else {
                    next = min(next, waiting.deadline)
                }
            }
            state.alarm = next
            return (expired, state.isClosing)
        }
        for waiting in expired { waiting.continuation.resume(throwing: late) }
        if isClosing { throw AgentConnectionError.closed }
    }

    private func read(_ socket: Int32, _ reader: inout AgentFrameReader) throws {
        let count = try withUnsafeTemporaryAllocation(byteCount: 1 << 16, alignment: 16) { chunk in
            guard let base = chunk.baseAddress else { return 0 }
            do {
                let count = try unsafe UnixSocket.receive(socket, into: base, capacity: chunk.count)
                unsafe reader.append(UnsafeRawBufferPointer(rebasing: chunk[..<count]))
                return count
            } catch let error as SystemCallError where error.errno == EAGAIN {
                return -1
            } catch let error as SystemCallError where error.errno == ECONNRESET {
                return 0
            }
        }
        if count == 0 { throw AgentConnectionError.lost(midFrame: !reader.isEmpty) }
        while let response = try AgentConnectionError.decoding({ try reader.next() }) {
            if response.id == 0, let error = response.error { throw error }
            // An unknown id is the late answer to a call that was given up.
            state.withLock { $0.waiting.removeValue(forKey: response.id) }?.continuation.resume(returning: response)
        }
    }

    /// Closes the socket and tells the calls that still wait why.
    private func end(_ error: any Error) {
        let error = error is AgentUnreachable ? error : DTAError(error)
        let waiting = state.withLock { state in
            defer { state.waiting = [:] }
            state.end = error
            state.socket = nil
            state.outgoing = AgentOutgoing()
            return state.waiting
        }
        for (_, waiting) in waiting { waiting.continuation.resume(throwing: error) }
    }
}
