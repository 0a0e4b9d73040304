import AgentProtocol
import CustodyProtocol
import DTASystem

/// What a request gets: an HSM process to talk to, or the reason why there is none.
public typealias CustodyAccess = Result<any Custodian, DTAError>

/// What is left of a request in the end.
public struct Outcome: Sendable {
    public var response: AgentResponse
    /// The length of its record in the audit log; 0 if it has none of its own.
    public var recordedBytes: Int
    /// The answer in the frame of another protocol, with its length. `response` then only has the code.
    var frame: [UInt8]?

    public init(_ response: AgentResponse, recordedBytes: Int = 0) {
        self.response = response
        self.recordedBytes = recordedBytes
    }

    /// - Parameters:
    ///   - frame: with its length.
    ///   - refusal: why the request was not done; nil if it was.
    public init(frame: [UInt8], refusal: ErrorCode? = nil, recordedBytes: Int = 0) {
        var response = AgentResponse()
        if let refusal { response.code = AgentCode(refusal) }
        self.init(response, recordedBytes: recordedBytes)
        self.frame = frame
    }
}

/// The last part of a request: records it and gives its answer.
public typealias Completion = @Sendable () -> Outcome

/// How a request goes on after it was parsed and decided, without any waiting.
public enum Step: Sendable {
    /// It is answered.
    case answer(Outcome)
    /// It needs an HSM process for a short time: it goes on as soon as one is idle. The closure answers the work that
    /// is left to do without the HSM, so that others can use the process meanwhile.
    case custody(@Sendable (CustodyAccess) -> Completion)
    /// It is slow and needs an HSM process (key generation, sealing): it goes to the slow lane, or to one for slower
    /// work. The closure answers how it goes on.
    case slow(SlowLane, @Sendable (CustodyAccess) -> Step)
    /// It goes on in a lane, because it waits for something other than the HSM, or takes long; the closure answers how.
    /// In the opening lane it may go on with the HSM at once, and in the bulk lane with slow work.
    case lane(LaneName, @Sendable () -> Step)
    /// It waits for the program of this name, in a lane of that program's own: other requests do not wait for it. It
    /// gets a turn, or the reason why there is none; the closure answers how it goes on.
    case consulting(String, @Sendable (Result<Void, DTAError>) -> Step)
    /// It waits until the domain goes on with it, and no thread waits meanwhile.
    case waiting(Wait)
}

/// A lane whose work needs an HSM process for long.
public enum SlowLane: Sendable, CaseIterable {
    case slow
    /// Making RSA keys, which takes seconds.
    case making

    var name: LaneName { self == .slow ? .slow : .making }
}

/// The domain, as the workers see it. `prepare` must neither wait nor block: refusals must work while the HSM hangs.
/// Each closure is called exactly once, also after an error, so that every request leaves its record.
public protocol RequestHandler: Sendable {
    func prepare(_ request: AgentRequest, from caller: Caller) -> Step

    /// Whether the answer of an operation holds a plaintext, a key or secret randomness: it is wiped when it is sent.
    func answersSecret(_ operation: AgentOperation) -> Bool

    /// Records a request that a bound turned away, and gives its answer.
    func turnAway(_ request: AgentRequest, from caller: Caller, because reason: DTAError) -> Outcome
}
