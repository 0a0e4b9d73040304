import AgentServer
import CustodyProtocol
import DTASystem

/// A custodian for work that takes long between two requests, such as waiting for a plugin: each request goes to the
/// slow lane by itself, and no dtad-hsm is held in between.
final class LaneCustodian: Custodian {
    typealias Lane = @Sendable (@escaping @Sendable (CustodyAccess) -> Void) -> Bool

    /// Longer than all work that can be before it in the lane, so that it ends only if the lane does.
    private static let patienceNanoseconds: UInt64 = 120_000_000_000

    private let lane: Lane

    init(_ lane: @escaping Lane) { self.lane = lane }

    func ask<Message: CustodyMessage>(_ message: Message) throws -> Message.Answer {
        let answer = Monitor(Result<Message.Answer, any Error>?.none)
        let isAbandoned = Locked(false)
        let isTaken = lane { access in
            // The caller has timed out and was told that the call was not done: do not do it.
            guard !isAbandoned.withLock({ $0 }) else { return }
            let result = Result { try access.get().ask(message) }
            answer.withLockSignalling { $0 = result }
        }
        let end = monotonicNanoseconds() + LaneCustodian.patienceNanoseconds
        // It may be a secret: it is taken out, so that the caller wipes the only copy.
        guard isTaken, let result = answer.wait(until: end, for: { $0.take() }) else {
            isAbandoned.withLock { $0 = true }
            throw DTAError(.unavailable, "the agent is stopping, or its HSM is away", hint: "try again")
        }
        return try result.get()
    }
}
