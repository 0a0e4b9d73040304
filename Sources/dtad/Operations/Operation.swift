import AgentProtocol
import AgentServer

/// An operation of agent.proto: its name, its record, how it reads its request, and what it calls.
///
/// No member has a default, so that each operation states all of them.
struct Operation: Sendable {
    let number: AgentOperation
    /// Its name in the audit log.
    let name: String
    /// Whether the record of a success is on the disk before its answer, and not within a second.
    let isSynced: Bool
    /// Whether its answer holds a plaintext, a key or secret randomness: it is wiped when it is sent.
    let answersSecret: Bool
    /// Whether it is answered even if dtad's log or database has a fault. Such an operation uses no key.
    let isAboutTheAgent: Bool
    /// The detail that its request adds to its record.
    let detail: RequestDetail
    /// Reads the request, refuses a malformed one, and begins.
    let start: @Sendable (Call, AgentRequest) throws -> Step

    /// Where an operation begins. The called function decides how it goes on, such as with an HSM process.
    enum Beginning {
        /// On the worker that took the request, which must not wait.
        case atOnce
        case lane(LaneName)
        /// In a lane, and there again each time that missing blocks were fetched from the IPFS node, unless the request
        /// says that the node is not asked.
        case bringingBlocks(LaneName, localOnly: @Sendable (AgentRequest) -> Bool)

        static func bringingBlocks(_ lane: LaneName) -> Beginning { .bringingBlocks(lane, localOnly: { _ in false }) }
    }

    /// - Parameters:
    ///   - reads: takes the operation's fields out of the request, at once.
    ///   - calls: does it with these fields, at the place `begins`. Its error is the answer.
    init<Fields: Sendable>(
        _ number: AgentOperation, _ name: String, isSynced: Bool, answersSecret: Bool, isAboutTheAgent: Bool,
        detail: RequestDetail, begins: Beginning, reads: @escaping @Sendable (AgentRequest) throws -> Fields,
        calls: @escaping @Sendable (Call, Fields) throws -> Step
    ) {
        self.number = number
        self.name = name
        self.isSynced = isSynced
        self.answersSecret = answersSecret
        self.isAboutTheAgent = isAboutTheAgent
        self.detail = detail
        switch begins {
        case .atOnce: start = { call, request in try calls(call, reads(request)) }
        case .lane(let lane):
            start = { call, request in
                let fields = try reads(request)
                return call.next(in: lane) { try calls(call, fields) }
            }
        case .bringingBlocks(let lane, let localOnly):
            start = { call, request in
                let fields = try reads(request)
                return call.bringing(in: lane, localOnly: localOnly(request)) { try calls(call, fields) }
            }
        }
    }
}
