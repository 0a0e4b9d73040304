import AgentProtocol
import AgentServer
import DTASystem

/// Finds the operation of each request, and refuses unknown ones. The operations are in `Operations/`.
struct Router: RequestHandler {
    private let parts: AgentParts
    private let operations = OperationTable(Operation.all)

    init(_ parts: AgentParts) { self.parts = parts }

    func prepare(_ request: AgentRequest, from caller: Caller) -> Step {
        let operation = operations[request.operation]
        let call = Call(request, operation, from: caller, parts)
        do {
            guard request.version == AgentFrame.version else {
                throw DTAError(
                    .invalidArgument,
                    "version \(request.version) of the protocol is not spoken here, only \(AgentFrame.version)",
                    hint: "use a client of the same release as dtad")
            }
            guard request.details.count <= 1 else {
                throw DTAError(.invalidArgument, "a request has one details at most, not \(request.details.count)")
            }
            if let halt = parts.agent.halt, operation?.isAboutTheAgent != true { throw halt }
            guard let operation else {
                throw DTAError(
                    .invalidArgument, "operation \(request.operation.rawValue) is not known here",
                    hint: "use a dtad that is as new as the client")
            }
            return try operation.start(call, request)
        } catch {
            return call.refused(error)
        }
    }

    func turnAway(_ request: AgentRequest, from caller: Caller, because reason: DTAError) -> Outcome {
        Call(request, operations[request.operation], from: caller, parts).finish(.failure(reason))
    }

    func answersSecret(_ operation: AgentOperation) -> Bool { operations[operation]?.answersSecret ?? false }
}
