import AgentProtocol
import AgentServer
import CustodyProtocol
import DTACore
import DTASystem
import Foundation

/// One request on its way: who asked for what and when it came, so that it is recorded once and answered once.
struct Entry: Sendable {
    private let id: UInt64
    private let operation: String
    private let subject: String
    /// What the request says beside its subject, and what came to be known of it.
    private var detail: AuditDetail
    let caller: Caller
    let agent: Core
    private let began: UInt64
    /// Key management, trust and orders: on the disk before they are answered.
    let isMomentous: Bool

    init(request: AgentRequest, caller: Caller, agent: Core) {
        id = request.id
        operation = request.operation.recordName
        subject = request.subject
        detail = AuditDetail(request)
        isMomentous = request.operation.isMomentous
        self.caller = caller
        self.agent = agent
        began = monotonicNanoseconds()
    }

    /// The same with something more to record, where there is something.
    func noting(_ word: StaticString, _ value: String? = "") -> Entry {
        guard let value else { return self }
        var copy = self
        copy.detail.add(word, value)
        return copy
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
                    })
            }
        }
    }

    /// The same where the answer is secret bytes: they are wiped wherever they were.
    func custodyOfSecret(_ step: @escaping CustodyStep<[UInt8]>) -> Step {
        let secret: CustodyStep<Data> = { custodian in
            var bytes = try step(custodian)
            defer { wipe(&bytes) }
            return Data(secret: bytes)
        }
        return custody(secret) { $1.data = $0 }
    }

    /// Answered with an HSM process, in the slow lane.
    func slow<Result: Sendable>(
        _ step: @escaping CustodyStep<Result>, _ fill: @escaping @Sendable (Result, inout AgentResponse) throws -> Void
    ) -> Step {
        .slow { access in .answer(finish(access, step, fill, durable: isMomentous)) }
    }

    /// Written to the disk, without the HSM.
    func durable(_ work: @escaping @Sendable (inout AgentResponse) throws -> Void) -> Step {
        .lane(.durable) { .answer(finish(work)) }
    }

    /// The same, where first something is looked up that is to be recorded.
    func durable(
        noting look: @escaping @Sendable (Entry) -> Entry,
        _ work: @escaping @Sendable (inout AgentResponse) throws -> Void
    ) -> Step {
        .lane(.durable) { .answer(look(self).finish(work)) }
    }

    /// Read from the disk.
    func reading(_ work: @escaping @Sendable (inout AgentResponse) throws -> Void) -> Step {
        .lane(.reading) { .answer(finish(work)) }
    }

    /// Looked up on the disk first; what `work` answers is how it goes on.
    func lookingUp(_ work: @escaping @Sendable () throws -> Step) -> Step { .lane(.reading) { next(work) } }

    /// As `lookingUp`, for what moves much data or takes long by its size.
    func bulk(_ work: @escaping @Sendable () throws -> Step) -> Step { .lane(.bulk) { next(work) } }

    private func next(durable: Bool = false, _ work: () throws -> Step) -> Step {
        do { return try work() } catch { return .answer(finish(.failure(error), durable: durable)) }
    }

    /// Asked of another program.
    func asking(_ work: @escaping @Sendable (inout AgentResponse) throws -> Void) -> Step {
        .lane(.asking) { .answer(finish(work)) }
    }

    /// Done with an HSM process in the slow lane; what `step` answers is how it goes on.
    func slow(_ step: @escaping CustodyStep<Step>) -> Step {
        .slow { access in next(durable: isMomentous) { try step(try access.get()) } }
    }

    /// Done where a program is waited for; what `work` answers is how it goes on.
    func consulting(_ program: String, _ work: @escaping @Sendable () throws -> Step) -> Step {
        .consulting(program) { turn in
            next(durable: isMomentous) {
                try turn.get()
                return try work()
            }
        }
    }

    /// Answered when all is done.
    func done(_ fill: (inout AgentResponse) throws -> Void) -> Step { .answer(finish(fill)) }

    private func finish(_ work: (inout AgentResponse) throws -> Void) -> AgentResponse {
        finish(
            Swift.Result {
                var response = AgentResponse()
                try work(&response)
                return response
            }, durable: isMomentous)
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
        do {
            switch result {
            case .success(var response):
                try record("OK", durable: durable)
                response.id = id
                return response
            case .failure(let error):
                let refusal = DTAError(error)
                try record(refusal.code.name, durable: durable || refusal.code == .permissionDenied)
                return AgentResponse(id: id, error: refusal)
            }
        } catch {
            return AgentResponse(id: id, error: DTAError(error))
        }
    }

    private func record(_ result: String, durable: Bool) throws {
        try agent.record(
            AuditRecord(
                caller: caller, operation: operation, subject: subject, detail: detail, result: result,
                microseconds: (monotonicNanoseconds() - began) / 1000), durable: durable)
    }
}
