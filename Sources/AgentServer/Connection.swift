import AgentProtocol
import DTABytes
import DTASystem
import Glibc

/// One client: its socket, the bytes that are not yet a whole frame, and the answers that it has not read yet.
///
/// The socket is armed in the epoll set for one event at a time. Between the event and the moment it is armed again,
/// one worker is *reading* and owns the input. The thread that has an answer writes it, under the lock.
final class Connection: @unchecked Sendable {
    // Sendable: `state` is locked, and `input` belongs to the one worker that has set `state.reading`.
    let id: UInt64
    let socket: Descriptor
    let caller: Caller
    let account: UserAccount
    /// What was said in another protocol; nil: agent.proto is spoken.
    let conversation: (any FrameConversation)?
    private let limits: ServerLimits
    /// How many requests may be in flight. In other protocols it is one: their answers have no ids.
    private let mostInFlight: Int
    private let poller: Poller
    private let state = Locked(State())
    /// Bytes received beyond the frames that were taken.
    private var input: InputBuffer

    private struct State {
        var reading = false
        /// Its user has to wait: nothing is read from it until `resume`.
        var resting = false
        var closed = false
        /// When one of its requests was last looked at.
        var lastUse = coarseNanoseconds()
        /// The client has sent its last byte; it is closed when the answers are out.
        var ended = false
        var inFlight = 0
        /// Events that the socket is armed for; 0: not armed.
        var armed: UInt32 = 0
        /// Whether `input` holds at least one whole frame.
        var frameWaiting = false
        var output = OutputQueue()
        /// Requests in flight that no thread works on.
        var waits: [Wait] = []
        /// Whether the stream ended within a frame.
        var isCutShort = false
        /// Bytes of `input` that are charged to the account.
        var held = 0
        /// Since when the rest of a frame, or the reading of an answer, is awaited (monotonic); 0: nothing is.
        var stalledInput: UInt64 = 0
        var stalledOutput: UInt64 = 0
    }

    init(
        id: UInt64, socket: Descriptor, caller: Caller, account: UserAccount, dialect: Dialect, limits: ServerLimits,
        poller: Poller
    ) {
        self.id = id
        self.socket = socket
        self.caller = caller
        self.account = account
        self.limits = limits
        conversation = dialect.conversation(with: caller)
        mostInFlight = conversation == nil ? limits.requestsPerConnection : 1
        input = InputBuffer(limit: dialect.frameLimit)
        self.poller = poller
    }

    // MARK: Reading

    /// Takes the input for this worker; false if another one has it, its user has to wait, or the connection is gone.
    func beginReading() -> Bool {
        state.withLock {
            guard !$0.closed, !$0.reading else { return false }
            $0.armed = 0
            if $0.resting || account.park(self) {
                $0.resting = true
                arm(&$0)
                return false
            }
            $0.reading = true
            return true
        }
    }

    /// Its user may go on.
    func resume() {
        state.withLock {
            $0.resting = false
            $0.armed = 0
            // The wait was not the client's.
            if $0.stalledInput != 0 { $0.stalledInput = monotonicNanoseconds() }
            arm(&$0)
        }
    }

    enum Taken {
        /// With the size of its frame.
        case frame(AgentRequest, bytes: Int)
        /// A frame of another protocol, likewise.
        case foreign(SecretReference, any FrameConversation, bytes: Int)
        /// Not all of a frame is here yet, or enough are in flight: nothing to do.
        case nothing
        /// The stream cannot be followed any further.
        case broken(DTAError)
        case closed
    }

    /// The next whole frame, from what was received before or from the socket. For the reading worker.
    func takeFrame(scratch: UnsafeMutableRawBufferPointer) -> Taken {
        guard state.withLock({ $0.inFlight < mostInFlight && $0.output.isEmpty && !$0.ended }) else {
            return .nothing
        }
        do {
            while true {
                if let conversation {
                    if let (frame, bytes) = try input.takeFrame() {
                        state.withLock { $0.inFlight += 1 }
                        return .foreign(frame, conversation, bytes: bytes)
                    }
                } else if let (request, bytes) = try input.takeRequest() {
                    state.withLock { $0.inFlight += 1 }
                    return .frame(request, bytes: bytes)
                }
                let received = recv(socket.number, scratch.baseAddress, scratch.count, Int32(MSG_DONTWAIT))
                if received > 0 {
                    input.append(UnsafeRawBufferPointer(rebasing: scratch[..<received]))
                } else if received == 0 {
                    let isWithinFrame = input.count > 0
                    return state.withLock {
                        $0.ended = true
                        $0.isCutShort = isWithinFrame
                        return $0.inFlight > 0 || !$0.output.isEmpty ? .nothing : .closed
                    }
                } else if errno == EAGAIN {
                    return .nothing
                } else if errno != EINTR {
                    if input.count > 0 { state.withLock { $0.isCutShort = true } }
                    return .closed
                }
            }
        } catch {
            state.withLock { $0.ended = true }
            return .broken(DTAError(error))
        }
    }

    /// Gives the input back and arms the socket for the next events.
    /// - Returns: false if the connection is at its end.
    func endReading() -> Bool {
        let frameWaiting = input.holdsFrame
        let count = input.count
        let partial = count > 0
        return state.withLock {
            $0.reading = false
            $0.lastUse = coarseNanoseconds()
            if !$0.closed, count != $0.held {
                let fits = account.hold(count - $0.held, limit: limits.heldBytesPerUser)
                $0.held = count
                guard fits else { return false }
            }
            $0.frameWaiting = frameWaiting
            $0.stalledInput =
                partial && !frameWaiting ? ($0.stalledInput == 0 ? monotonicNanoseconds() : $0.stalledInput) : 0
            arm(&$0)
            return !($0.ended && $0.inFlight == 0 && $0.output.isEmpty)
        }
    }

    // MARK: Writing

    /// Sends an answer, or keeps the rest that the socket does not take.
    /// - Parameters:
    ///   - completes: whether it answers a request, and is not a notice with id 0.
    func send(_ frame: OutgoingFrame, completes: Bool = true) -> Bool {
        state.withLock { state in
            if completes { state.inFlight -= 1 }
            guard !state.closed else { return false }
            var sent = 0
            if state.output.isEmpty {
                sent = sendNow(frame, 0)
                if sent < 0 { return false }
            }
            if sent < frame.count {
                if state.output.isEmpty { state.stalledOutput = monotonicNanoseconds() }
                let left = frame.count - sent
                state.output.append(frame, from: sent)
                guard account.addUnread(left, limit: limits.unreadBytesPerUser),
                    state.output.count <= limits.unreadBytesPerConnection
                else { return false }
            }
            if state.ended, state.inFlight == 0, state.output.isEmpty, !state.reading { return false }
            arm(&state)
            return true
        }
    }

    /// Sends the kept answers, as far as the socket takes them; false if the connection is at its end.
    func flush() -> Bool {
        state.withLock { state in
            guard !state.closed else { return false }
            guard !state.output.isEmpty else { return true }
            let sent = state.output.flush(sendNow)
            guard sent >= 0 else { return false }
            if sent > 0 { state.stalledOutput = monotonicNanoseconds() }
            account.removeUnread(sent)
            if state.output.isEmpty {
                state.stalledOutput = 0
                return !(state.ended && state.inFlight == 0)
            }
            return true
        }
    }

    /// - Returns: how many bytes went out; -1 if the connection is broken.
    private func sendNow(_ frame: OutgoingFrame, _ start: Int) -> Int {
        frame.withUnsafeBytes { buffer in
            var rest = UnsafeRawBufferPointer(rebasing: buffer[start...])
            while !rest.isEmpty {
                let sent = Glibc.send(
                    socket.number, rest.baseAddress, rest.count, Int32(MSG_DONTWAIT) | Int32(MSG_NOSIGNAL))
                if sent >= 0 {
                    rest = UnsafeRawBufferPointer(rebasing: rest[sent...])
                } else if errno == EAGAIN {
                    break
                } else if errno != EINTR {
                    return -1
                }
            }
            return buffer.count - start - rest.count
        }
    }

    // MARK: Waiting

    /// Remembers a request that waits, for `giveUpWaits`.
    func hold(_ wait: Wait) {
        state.withLock {
            $0.waits.append(wait)
            arm(&$0)
        }
    }

    /// It waits no longer.
    func release(_ wait: Wait) { state.withLock { $0.waits.removeAll { $0 === wait } } }

    /// Goes on with all that waits, without what it waits for.
    func giveUpWaits(_ end: Wait.End) {
        let waits = state.withLock { state in
            defer { state.waits = [] }
            return state.waits
        }
        for wait in waits { wait.giveUp(end) }
    }

    // MARK: Life

    /// Asks for the events that are of use now. Under the lock.
    private func arm(_ state: inout State) {
        guard !state.reading, !state.closed else { return }
        var events: UInt32 = 0
        if !state.output.isEmpty {
            events |= Poller.writable
        } else if !state.ended, !state.resting, state.inFlight < mostInFlight {
            events |= Poller.readable
            // Bytes that were already received raise no event. A socket is nearly always writable, so this wakes a
            // worker at once. If it is not, the client does not read, and may wait.
            if state.frameWaiting { events |= Poller.writable }
        } else if !state.waits.isEmpty {
            // Nothing is read from it now, but what it waits for is in vain once the client is gone.
            events = Poller.hangup
        }
        guard events != 0, events != state.armed else { return }
        state.armed = events
        poller.rearm(socket.number, id: id, events: events)
    }

    /// Marks the connection closed.
    /// - Returns: whether this call closed it; its caller must then have the connection forgotten.
    func close() -> Bool {
        state.withLock {
            guard !$0.closed else { return false }
            $0.closed = true
            account.removeUnread($0.output.count)
            $0.output.removeAll()
            _ = account.hold(-$0.held, limit: limits.heldBytesPerUser)
            $0.held = 0
            shutdown(socket.number, Int32(SHUT_RDWR))
            return true
        }
    }

    /// Whether the stream ended within a frame.
    var isCutShort: Bool { state.withLock { $0.isCutShort } }

    /// It has stalled: if it did so within a frame, the rest is not waited for.
    func cutShort() { state.withLock { if $0.stalledInput != 0 { $0.isCutShort = true } } }

    var isClosed: Bool { state.withLock { $0.closed } }

    /// Whether half a frame or an unread answer has been waited for since before `moment`.
    func isStalled(since moment: UInt64) -> Bool {
        state.withLock {
            (!$0.resting && $0.stalledInput != 0 && $0.stalledInput < moment)
                || ($0.stalledOutput != 0 && $0.stalledOutput < moment)
        }
    }

    /// Since when it is idle, by a clock of some milliseconds; nil while a request is under way.
    var idleSince: UInt64? {
        state.withLock { !$0.reading && $0.inFlight == 0 && $0.output.isEmpty ? $0.lastUse : nil }
    }

    var isIdle: Bool { state.withLock { $0.inFlight == 0 && $0.output.isEmpty } }
}
