import DTASystem
import Glibc

/// Many requests on one connection, a few of them in flight at a time: for bodies that are sent in blocks.
extension BlockingAgentClient {
    /// Sends one request after the other without waiting for each answer. So the agent works on some while this side
    /// makes or reads others. Memory is bounded by `depth` requests and answers.
    /// - Parameter depth: how many requests are in flight at most.
    /// - Parameter timeout: how long the next answer may take; ``timeLimit`` counts more.
    /// - Parameter takesRefusals: whether a refused request is an answer too, whose ``AgentResponse/error`` says why.
    /// - Parameter next: makes the next request; nil: there are no more. It may take its time.
    /// - Parameter answered: gets the answers in the order of their requests.
    /// - Throws: what `next` and `answered` throw; at the first request that is refused, as ``call(_:timeout:)`` does.
    ///   The connection is then closed, and it is not known whether the requests in flight were carried out.
    public func pipeline(
        depth: Int, timeout: Duration = .seconds(60), takesRefusals: Bool = false, next: () throws -> AgentRequest?,
        answered: (AgentResponse) throws -> Void
    ) throws {
        let timeout = timeLimit ?? timeout
        let socket = try connected(until: monotonicNanoseconds() &+ timeout.wholeNanoseconds)
        do {
            var flight = Flight(takesRefusals: takesRefusals)
            while true {
                if flight.outgoing.isEmpty, flight.count < depth, !flight.hasEnded {
                    if let request = try next() { try launch(request, &flight) } else { flight.hasEnded = true }
                } else if flight.count == 0 {
                    return
                } else {
                    try exchange(&flight, on: socket.number, timeout: timeout)
                }
                while let answer = flight.takeNext() { try answered(answer) }
            }
        } catch {
            close()
            throw error
        }
    }

    /// The requests under way.
    private struct Flight {
        let takesRefusals: Bool
        /// The ids in flight, in the order in which they were asked.
        var ids: [UInt64] = []
        /// Answers that came before those of earlier requests.
        var early: [UInt64: AgentResponse] = [:]
        var outgoing: ArraySlice<UInt8> = []
        var hasEnded = false

        var count: Int { ids.count }

        mutating func takeNext() -> AgentResponse? {
            guard let id = ids.first, let answer = early.removeValue(forKey: id) else { return nil }
            ids.removeFirst()
            return answer
        }
    }

    private func launch(_ request: AgentRequest, _ flight: inout Flight) throws {
        var request = request
        lastID += 1
        request.id = lastID
        flight.ids.append(lastID)
        flight.outgoing = try AgentFrame.encode(request)[...]
    }

    /// Sends and receives once, without waiting for the socket.
    private func exchange(_ flight: inout Flight, on socket: Int32, timeout: Duration) throws {
        let wanted = Int16(flight.outgoing.isEmpty ? POLLIN : POLLIN | POLLOUT)
        let events = try poll(socket, for: wanted, until: monotonicNanoseconds() &+ timeout.wholeNanoseconds)
        if events & Int16(POLLOUT) != 0 {
            flight.outgoing = flight.outgoing.dropFirst(try send(flight.outgoing, on: socket))
            // A slice keeps all of its frame.
            if flight.outgoing.isEmpty { flight.outgoing = [] }
        }
        guard events & Int16(POLLIN | POLLHUP | POLLERR) != 0, try fill(from: socket) else { return }
        while let response = try AgentConnectionError.decoding({ try reader.next() }) {
            let isOurs = flight.ids.contains(response.id)
            if let error = response.error, response.id == 0 || (isOurs && !flight.takesRefusals) { throw error }
            if isOurs { flight.early[response.id] = response }
        }
    }
}
