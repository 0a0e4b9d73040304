import DTASystem

/// One connection.
final class ClientConnection: Sendable {
    private struct State {
        var address: String
        /// Heads of requests that came and were not begun yet.
        var facts: [RequestFacts] = []
        var isClosing = false
    }

    private let state: Locked<State>

    init(address: String) { state = Locked(State(address: address)) }

    /// The client's IP address, at the connection or as a proxy tells it; "" on a Unix socket.
    var address: String {
        get { state.withLock { $0.address } }
        set { state.withLock { $0.address = newValue } }
    }

    func note(_ facts: RequestFacts) { state.withLock { $0.facts.append(facts) } }

    /// The rules of the next request. Requests are answered in the order in which they came.
    func next() -> RequestFacts { state.withLock { $0.facts.isEmpty ? RequestFacts() : $0.facts.removeFirst() } }

    /// Whether an answer was marked as the last.
    var isClosing: Bool {
        get { state.withLock { $0.isClosing } }
        set { state.withLock { $0.isClosing = newValue } }
    }
}
