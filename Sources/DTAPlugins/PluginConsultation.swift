import DTASystem

/// What external plugins said in the course of one request. Work that holds what others wait for, such as a dtad-hsm, is
/// done within one: a plugin that it needs is not asked there, the work ends, and it is done again when somebody has
/// asked, whatever it made of the error on its way up. So it must be such that it can be done again.
public final class PluginConsultation: Sendable {
    /// What a plugin is to be asked before the work can be done.
    public struct Question: Sendable {
        fileprivate let key: String
        fileprivate let put: @Sendable () -> Result<[String: PluginJSON], DTAError>
    }

    /// What ends the work. It is no `DTAError`: it means nothing to the order.
    struct Waiting: Error {}

    @TaskLocal static var current: PluginConsultation?

    private struct State {
        var answers: [String: Result<[String: PluginJSON], DTAError>] = [:]
        var question: Question?
    }

    private let state = Locked(State())

    public init() {}

    /// Runs `body`, and tells what has to be asked before it can be run to its end; nil: it was.
    public func collecting<Value>(_ body: () throws -> Value) -> (result: Result<Value, any Error>, question: Question?)
    {
        let result = PluginConsultation.$current.withValue(self) { Result { try body() } }
        let question = state.withLock { state in
            defer { state.question = nil }
            return state.question
        }
        return (result, question)
    }

    /// Asks, where waiting does no harm. What is answered is kept for the work's next run.
    public func ask(_ question: Question) {
        let answer = question.put()
        state.withLock { $0.answers[question.key] = answer }
    }

    /// What a plugin answered, or what it did wrong.
    /// - Throws: `Waiting` where it was not asked yet; `DTAError` as the plugin's call had it.
    func answer(
        to key: String, _ put: @escaping @Sendable () -> Result<[String: PluginJSON], DTAError>
    ) throws -> [String: PluginJSON] {
        let answer = state.withLock { state in
            if state.answers[key] == nil { state.question = state.question ?? Question(key: key, put: put) }
            return state.answers[key]
        }
        guard let answer else { throw Waiting() }
        return try answer.get()
    }
}

extension DTAError {
    /// Whether a plugin has decided so, as opposed to having failed, being busy, or saying: not now.
    public var isPluginDecision: Bool { ![.unavailable, .resourceExhausted, .internal].contains(code) }
}
