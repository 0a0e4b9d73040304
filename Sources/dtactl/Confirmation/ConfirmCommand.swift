import AgentProtocol
import ArgumentParser
import DTASystem

struct ConfirmCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "confirm", abstract: "Ask you before a key signs for ssh, if the key is marked so.",
        discussion: """
            Keys are marked by dtactl ssh confirm, or by confirm: under ssh: in dtad.yaml. They sign only while this \
            runs, and after a yes. It asks by the program that $SSH_ASKPASS names, else by ssh-askpass in a graphical \
            session, else on this terminal. The user unit dtactl-confirm.service runs it in a session.

            Example:
              dtactl confirm --listen
            """)

    @Flag(help: "Wait for questions, and ask them, until the command is ended.")
    var listen = false

    @OptionGroup var agent: AgentOptions

    func validate() throws {
        if !listen { throw ValidationError("Add --listen: it waits for questions, and asks them.") }
    }

    func run() throws {
        let asker = try ConfirmationAsker.find()
        let inbox = QuestionInbox()
        try startThread { [path = agent.socketPath] in QuestionListener(path, inbox).run() }
        // A dialogue does not outlive this command.
        let interruption = try Interruption()
        let client = BlockingAgentClient(socketPath: agent.socketPath)
        client.timeLimit = agent.timeout
        while true {
            switch inbox.next() {
            case .failed(let error): throw error
            case .listening: StandardError.warn("listening for questions; \(asker.display)")
            case .lost: StandardError.warn("the agent is away; waiting for it")
            case .question(let question):
                let answer = try asker.ask(question, interruption) { inbox.isOpen(question) }
                try tell(question, answer, to: client)
            }
        }
    }

    private func tell(_ question: SigningQuestion, _ answer: Bool?, to client: BlockingAgentClient) throws {
        var word = answer.map { $0 ? "yes" : "no" } ?? "too late"
        if let answer {
            do {
                _ = try client.call(.answerQuestion(question.id, yes: answer))
            } catch let error as DTAError where error.code == .notFound {
                word = "too late"
            } catch {
                word = "not told: \(Failure(error).message)"
            }
        }
        if agent.json {
            return try JSON.object([
                ("key", .string(question["key"])), ("kind", .string(question["kind"])), ("answer", .string(word)),
            ]).show()
        }
        try StandardOutput.line("\(question.summary): \(SafeText.line(word))")
    }
}
