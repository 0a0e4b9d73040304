import DTASystem

/// A client for programs: any number of tasks share one connection, answers come in any order, and no task's thread
/// is blocked while it waits.
///
/// It connects at the first call, and again at the next call after the agent went away. It closes when it is released.
public final class AgentClient: Sendable {
    /// The path of the agent's socket.
    public let socketPath: String
    private let state = Locked(State())

    private struct State {
        var connection: AgentConnection?
        var lastID: UInt64 = 0
        var isClosed = false
    }

    /// - Parameter socketPath: the path of the agent's socket.
    public init(socketPath: String) {
        self.socketPath = socketPath
    }

    deinit { state.withLock { $0.connection }?.close() }

    /// Sends a request, and suspends until the answer is there. A cancelled task resumes at once; the agent may still
    /// carry the request out, and its late answer is dropped.
    /// - Parameter request: this sets its `id` and, if that is 0, its `version`.
    /// - Parameter timeout: how long the answer may take.
    /// - Returns: the answer of an operation that was done.
    /// - Throws: ``AgentUnreachable`` if no connection could be made: nothing was asked. `DTAError` as the agent
    ///   answered it; `unavailable` if the connection was lost or `timeout` passed before the answer; `dataLoss` if
    ///   what came is not this protocol. `CancellationError`.
    public func call(_ request: AgentRequest, timeout: Duration = .seconds(30)) async throws -> AgentResponse {
        let deadline = monotonicNanoseconds() &+ timeout.wholeNanoseconds
        var request = request
        if request.version == 0 { request.version = AgentFrame.version }
        let id = state.withLock { state in
            state.lastID += 1
            return state.lastID
        }
        request.id = id
        let frame = try AgentFrame.encode(request)
        try Task.checkCancellation()
        let connection = try openConnection()
        let response = try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                connection.send(frame, id: id, deadline: deadline, continuation)
                // If the task was cancelled before that, the handler found no call to give up.
                if Task.isCancelled { connection.giveUp(id) }
            }
        } onCancel: {
            connection.giveUp(id)
        }
        if let error = response.error { throw error }
        return response
    }

    /// Closes the connection; calls in flight and later ones get `unavailable`.
    public func close() {
        let connection = state.withLock { state in
            state.isClosed = true
            return state.connection
        }
        connection?.close()
    }

    private func openConnection() throws -> AgentConnection {
        try state.withLock { state in
            if state.isClosed { throw AgentConnectionError.closed }
            if let connection = state.connection, connection.isUsable { return connection }
            let fresh = try AgentConnection(socketPath: socketPath)
            state.connection = fresh
            return fresh
        }
    }
}
