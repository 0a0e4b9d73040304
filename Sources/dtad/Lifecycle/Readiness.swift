import AgentServer
import DTAService
import DTASystem
import Logging

/// Tells the service manager and the log whether keys can be used, and if not, why. dtad is ready in either case: it
/// answers its clients, at least with the reason.
final class Readiness: Sendable {
    private enum State: Equatable {
        case up
        case down(DTAError)
    }

    /// The state of the agent if all is well: one line, and the same for the log.
    struct Summary {
        let text: String
        let metadata: Logger.Metadata
    }

    private let custody: CustodyPools
    private let logger: Logger
    private let summary: @Sendable () -> Summary
    private let state = Locked<State?>(nil)

    init(_ custody: CustodyPools, logger: Logger, summary: @escaping @Sendable () -> Summary) {
        self.custody = custody
        self.logger = logger
        self.summary = summary
    }

    /// Says that requests are answered.
    /// - Parameter reason: further text for the service manager.
    func announce(adding reason: String = "") {
        tick()
        if state.withLock({ $0 }) == nil { change(to: .down(Readiness.starting)) }
        ServiceManager.ready(reason.isEmpty ? text : "\(text); \(reason)")
    }

    /// To be called several times a second.
    func tick() {
        let health = custody.health
        if health.live > 0 { return change(to: .up) }
        // A process that is being replaced is not reported.
        if let reason = health.outage { change(to: .down(reason)) }
    }

    private static let starting = DTAError(.unavailable, "an HSM process is being started")

    private var text: String {
        switch state.withLock({ $0 }) {
        case .up: summary().text
        case .down(let reason): reason.message
        case nil: ""
        }
    }

    private func change(to now: State) {
        let before = state.withLock { state in
            defer { state = now }
            return state
        }
        guard before != now else { return }
        switch now {
        case .up: logger.info("ready", metadata: summary().metadata)
        case .down(let reason):
            logger.error(
                "keys cannot be used: \(reason.message)",
                metadata: reason.hintText.isEmpty ? nil : ["hint": "\(reason.hintText)"])
        }
        if before != nil { ServiceManager.status(text) }
    }
}
