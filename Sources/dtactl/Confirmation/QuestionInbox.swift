import DTASystem

/// What came from the agent, for the thread that asks one question at a time.
final class QuestionInbox: Sendable {
    enum Item: Sendable {
        case listening
        /// The agent went away.
        case lost
        case question(SigningQuestion)
        case failed(Failure)
    }

    private struct State {
        var items: [Item] = []
        /// The questions that may still be answered.
        var open: Set<String> = []
    }

    private let state = Monitor(State())

    func put(_ item: Item) {
        state.withLockSignalling {
            if case .question(let question) = item { $0.open.insert(question.id) }
            if case .lost = item { $0.open = [] }
            $0.items.append(item)
        }
    }

    /// A question is not to be answered any more.
    func close(_ id: String) { state.withLockSignalling { _ = $0.open.remove(id) } }

    func isOpen(_ question: SigningQuestion) -> Bool {
        monotonicNanoseconds() < question.deadline && state.withLock { $0.open.contains(question.id) }
    }

    /// Waits for the next item. Questions that are over are left out.
    func next() -> Item {
        let item: Item? = state.wait { state in
            while !state.items.isEmpty {
                let item = state.items.removeFirst()
                guard case .question(let question) = item else { return item }
                if state.open.contains(question.id), monotonicNanoseconds() < question.deadline { return item }
            }
            return nil
        }
        return item ?? .lost
    }
}
