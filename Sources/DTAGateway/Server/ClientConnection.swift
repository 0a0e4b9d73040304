import DTASystem

/// What is known of one connection.
final class ClientConnection: Sendable {
    private struct State {
        var address: String
        /// Of the requests that came and were not begun yet.
        var facts: [RequestFacts] = []
        var isClosing = false
    }

    private let state: Locked<State>

    init(address: String) { state = Locked(State(address: address)) }

    /// The client's IP address, as it was when it connected or as a proxy tells; "" on a Unix socket.
    var address: String {
        get { state.withLock { $0.address } }
        set { state.withLock { $0.address = newValue } }
    }

    func note(_ facts: RequestFacts) { state.withLock { $0.facts.append(facts) } }

    /// Those of the next request. Requests are answered in the order in which they came.
    func next() -> RequestFacts { state.withLock { $0.facts.isEmpty ? RequestFacts() : $0.facts.removeFirst() } }

    /// Whether an answer said that it is the last.
    var isClosing: Bool {
        get { state.withLock { $0.isClosing } }
        set { state.withLock { $0.isClosing = newValue } }
    }
}
