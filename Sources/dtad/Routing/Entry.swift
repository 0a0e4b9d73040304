import AgentProtocol
import AgentServer
import CustodyProtocol
import DTACore
import DTASystem

/// One request on its way: who asked for what and when it came, so that it is recorded once and answered once.
struct Entry: Sendable {
    private let id: UInt64
    private let operation: String
    private let subject: String
    private let caller: Caller
    private let agent: Agent
    private let began: UInt64
    /// Key management, trust and orders: on the disk before they are answered.
    private let isMomentous: Bool

    init(request: AgentRequest, caller: Caller, agent: Agent) {
        id = request.id
        operation = request.operation.recordName
        subject = request.subject
        isMomentous = request.operation.isMomentous
        self.caller = caller
        self.agent = agent
        began = monotonicNanoseconds()
    }

    /// Answered at once.
    func answer(_ fill: (inout AgentResponse) throws -> Void) rethrows -> Step {
        var response = AgentResponse()
        try fill(&response)
        return .answer(finish(.success(response)))
    }

    /// Answered with an HSM process, quickly.
    func custody<Result: Sendable>(
        _ step: @escaping CustodyStep<Result>, _ fill: @escaping @Sendable (Result, inout AgentResponse) throws -> Void
    ) -> Step {
        .custody { access in finish(access, step, fill) }
    }

    /// Answered with an HSM process, in the slow lane.
    func slow<Result: Sendable>(
        _ step: @escaping CustodyStep<Result>, _ fill: @escaping @Sendable (Result, inout AgentResponse) throws -> Void
    ) -> Step {
        .slow { access in finish(access, step, fill, durable: isMomentous) }
    }

    /// Answered from the disk, without the HSM.
    func durable(_ work: @escaping @Sendable (inout AgentResponse) throws -> Void) -> Step {
        .durable {
            finish(
                Swift.Result {
                    var response = AgentResponse()
                    try work(&response)
                    return response
                }, durable: isMomentous)
        }
    }

    private func finish<Result>(
        _ access: CustodyAccess, _ step: CustodyStep<Result>, _ fill: (Result, inout AgentResponse) throws -> Void,
        durable: Bool = false
    ) -> AgentResponse {
        finish(
            Swift.Result {
                var response = AgentResponse()
                try fill(try step(try access.get()), &response)
                return response
            }, durable: durable)
    }

    /// Records what came of the request, before anybody gets to know it. What cannot be recorded is not answered.
    func finish(_ result: Result<AgentResponse, any Error>, durable: Bool = false) -> AgentResponse {
        var refusal: DTAError?
        if case .failure(let error) = result { refusal = DTAError(error) }
        do {
            try agent.audit.append(
                AuditEvent(
                    caller: caller, operation: operation, subject: subject, result: refusal?.code,
                    microseconds: (monotonicNanoseconds() - began) / 1000))
            if durable || refusal?.code == .permissionDenied { try agent.audit.sync() }
        } catch {
            return AgentResponse(id: id, error: DTAError(error))
        }
        if let refusal { return AgentResponse(id: id, error: refusal) }
        guard case .success(var response) = result else { return AgentResponse(id: id, error: CustodyFailure.none) }
        response.id = id
        return response
    }
}

private enum CustodyFailure {
    static let none = DTAError(.internal, "a request came to no result")
}
