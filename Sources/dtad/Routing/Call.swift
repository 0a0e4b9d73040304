import AgentProtocol
import AgentServer
import CustodyProtocol
import DTAAgent
import DTABytes
import DTACore
import DTASystem
import Foundation

/// One request under way: its caller, its operation and its time. It is recorded once and answered once.
struct Call: Sendable {
    private let id: UInt64
    /// The name of its operation.
    private let operation: String
    private let subject: String
    /// The detail of its record, from the request and from its result.
    private var detail = AuditDetail()
    let caller: Caller
    let parts: AgentParts
    private let began: UInt64
    /// Whether its record is on the disk before it is answered.
    private let isSynced: Bool

    var agent: Agent { parts.agent }

    /// - Parameter operation: nil: the agent does not know it.
    init(_ request: AgentRequest, _ operation: Operation?, from caller: Caller, _ parts: AgentParts) {
        id = request.id
        self.operation = operation?.name ?? request.operation.unknownName
        subject = request.subject
        operation?.detail.add(request, &detail)
        isSynced = operation?.isSynced ?? false
        self.caller = caller
        self.parts = parts
        began = monotonicNanoseconds()
    }

    /// The same with further detail for the record, if any.
    func noting(_ word: StaticString, _ value: String? = "") -> Call {
        guard let value else { return self }
        var copy = self
        copy.detail.add(word, value)
        return copy
    }

    /// The same about a key, which its record names as imported if it is.
    func noting(_ key: KeyRecord) -> Call { key.isImported ? noting("imported") : self }

    /// Answered at once.
    func answer(_ fill: (inout AgentResponse) throws -> Void) rethrows -> Step {
        var response = AgentResponse()
        try fill(&response)
        return .answer(finish(.success(response), durable: isSynced))
    }

    /// Answered with an HSM process, quickly.
    func custody<Result: Sendable>(
        _ step: @escaping CustodyStep<Result>, _ fill: @escaping @Sendable (Result, inout AgentResponse) throws -> Void
    ) -> Step {
        .custody { access in
            let result = Swift.Result { try step(try access.get()) }
            return {
                finish(
                    result.flatMap { value in
                        Swift.Result {
                            var response = AgentResponse()
                            try fill(value, &response)
                            return response
                        }
                    }, durable: isSynced)
            }
        }
    }

    /// The same, with a key.
    func custody<Result>(
        _ use: KeyStep<Result>, _ fill: @escaping @Sendable (Result, inout AgentResponse) throws -> Void
    ) -> Step {
        guard use.isImported else { return custody(use.step, fill) }
        return noting("imported").custody(use.step, fill)
    }

    /// The same, if the answer is a secret.
    func custodyOfSecret(_ step: @escaping CustodyStep<SecretReference>) -> Step {
        custody(step) { $1.data = Data(secret: $0) }
    }

    func custodyOfSecret(_ use: KeyStep<SecretReference>) -> Step { custody(use) { $1.data = Data(secret: $0) } }

    /// Answered with an HSM process, in the slow lane, or in one for slower work.
    func slow<Result: Sendable>(
        _ step: @escaping CustodyStep<Result>, in lane: SlowLane = .slow,
        _ fill: @escaping @Sendable (Result, inout AgentResponse) throws -> Void
    ) -> Step {
        .slow(lane) { access in done { try fill(try step(try access.get()), &$0) } }
    }

    /// The same, with a key.
    func slow<Result>(
        _ use: KeyStep<Result>, _ fill: @escaping @Sendable (Result, inout AgentResponse) throws -> Void
    ) -> Step {
        guard use.isImported else { return slow(use.step, fill) }
        return noting("imported").slow(use.step, fill)
    }

    /// Goes on in a lane, as `work` answers.
    func next(in lane: LaneName, _ work: @escaping @Sendable () throws -> Step) -> Step { .lane(lane) { next(work) } }

    private func next(durable: Bool = false, _ work: () throws -> Step) -> Step {
        do { return try work() } catch { return .answer(finish(.failure(error), durable: durable)) }
    }

    /// Done with an HSM process in the slow lane; `step` answers how it goes on.
    func slow(_ step: @escaping CustodyStep<Step>) -> Step {
        .slow(.slow) { access in next(durable: isSynced) { try step(try access.get()) } }
    }

    /// Done in the lane of a program; `work` answers how it goes on.
    func consulting(_ program: String, _ work: @escaping @Sendable () throws -> Step) -> Step {
        .consulting(program) { turn in
            next(durable: isSynced) {
                try turn.get()
                return try work()
            }
        }
    }

    /// Answered when all is done. An error of `fill` is an answer, too.
    func done(_ fill: (inout AgentResponse) throws -> Void) -> Step {
        .answer(
            finish(
                Swift.Result {
                    var response = AgentResponse()
                    try fill(&response)
                    return response
                }, durable: isSynced))
    }

    /// Refused by the worker. If the record must be on the disk before the answer, that goes to a lane.
    func refused(_ error: any Error) -> Step {
        let refusal = DTAError(error)
        return refusal.code == .permissionDenied
            ? .lane(.durable) { .answer(finish(.failure(refusal), durable: true)) }
            : .answer(finish(.failure(refusal)))
    }

    /// Records the result of the request before it is answered. A result that cannot be recorded is not answered.
    func finish(_ result: Result<AgentResponse, any Error>, durable: Bool = false) -> Outcome {
        do {
            switch result {
            case .success(var response):
                let size = try record("OK", durable: durable)
                response.id = id
                return Outcome(response, recordedBytes: size)
            case .failure(let error):
                let refusal = DTAError(error)
                let call = refusal.why.isEmpty ? self : noting("why", refusal.why)
                let size = try call.record(refusal.code.name, durable: durable || refusal.code == .permissionDenied)
                return Outcome(AgentResponse(id: id, error: refusal), recordedBytes: size)
            }
        } catch {
            return Outcome(AgentResponse(id: id, error: DTAError(error)))
        }
    }

    private func record(_ result: String, durable: Bool) throws -> Int {
        try agent.record(
            AuditRecord(
                caller: caller, operation: operation, subject: subject, detail: detail, result: result,
                microseconds: (monotonicNanoseconds() - began) / 1000), durable: durable)
    }
}

extension AgentOperation {
    /// The audit log's name for an operation that the agent does not know.
    fileprivate var unknownName: String { self == .unspecified ? "unspecified" : "operation.\(rawValue)" }
}
