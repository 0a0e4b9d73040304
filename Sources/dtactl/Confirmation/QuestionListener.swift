import AgentProtocol
import DTASystem
import Glibc

/// Listens for questions on a thread and a connection of its own, and listens again when the agent was away.
struct QuestionListener {
    private let client: BlockingAgentClient
    private let inbox: QuestionInbox
    /// The agent answers when there is something to tell, however long that takes.
    private static let patience = Duration.seconds(1 << 30)

    init(_ socketPath: String, _ inbox: QuestionInbox) {
        client = BlockingAgentClient(socketPath: socketPath)
        self.inbox = inbox
    }

    func run() {
        var cursor = ""
        /// Whether it ever listened, and whether it does now.
        var (listened, listens) = (false, false)
        while true {
            do {
                let answer = try client.call(.nextQuestion(after: cursor), timeout: QuestionListener.patience)
                cursor = answer.cursor
                if !listens {
                    inbox.put(.listening)
                    (listened, listens) = (true, true)
                }
                take(answer)
            } catch {
                let failure = Failure(error)
                // Without an agent, or with one that refuses, a first try is an error.
                guard listened else { return inbox.put(.failed(failure)) }
                if listens { inbox.put(.lost) }
                (cursor, listens) = ("", false)
                // It was forgotten, because it was stopped for long: it begins anew at once.
                if failure.code != ErrorCode.notFound.name { sleep(1) }
            }
        }
    }

    private func take(_ answer: AgentResponse) {
        if let question = SigningQuestion(answer.fields) { return inbox.put(.question(question)) }
        let facts = Dictionary(answer.fields.map { ($0.name, $0.value) }, uniquingKeysWith: { first, _ in first })
        if facts["event"] == "over", let id = facts["question"] { inbox.close(id) }
    }
}
