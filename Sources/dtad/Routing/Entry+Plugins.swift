import AgentProtocol
import AgentServer
import CustodyProtocol
import DTACore
import DTAPlugins
import DTASystem

/// Requests that may need an external plugin's word while they hold a dtad-hsm.
extension Entry {
    /// The most that plugins are asked for one request: a part that comes may bring others that it follows.
    static let mostConsulted = 64

    /// Answered with an HSM process, in the slow lane. Where a plugin has to be asked, the process is given back, the plugin
    /// is asked in the asking lane, and the step is done again: so nobody waits for a plugin but who needs it.
    /// - Parameter step: may be repeated without doing anything twice.
    func consulting<Result: Sendable>(
        _ step: @escaping CustodyStep<Result>, _ fill: @escaping @Sendable (Result, inout AgentResponse) throws -> Void
    ) -> Step {
        attempt(step, fill, PluginConsultation(), round: 0)
    }

    private func attempt<Result: Sendable>(
        _ step: @escaping CustodyStep<Result>, _ fill: @escaping @Sendable (Result, inout AgentResponse) throws -> Void,
        _ consultation: PluginConsultation, round: Int
    ) -> Step {
        .resuming { access in
            let (result, question) = consultation.collecting { try step(try access.get()) }
            if let question {
                guard round < Entry.mostConsulted else {
                    let reason = DTAError(
                        .resourceExhausted, "one request takes more than \(Entry.mostConsulted) calls of plugins",
                        hint: "bring the order's parts one after the other")
                    return .answer(finish(.failure(reason), durable: isMomentous))
                }
                return .asking {
                    consultation.ask(question)
                    return attempt(step, fill, consultation, round: round + 1)
                }
            }
            let answer = result.flatMap { value in
                Swift.Result {
                    var response = AgentResponse()
                    try fill(value, &response)
                    return response
                }
            }
            return .answer(finish(answer, durable: isMomentous))
        }
    }
}
