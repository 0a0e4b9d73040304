import AgentProtocol
import AgentServer

/// An operation of agent.proto: what it is called, what is kept of it, how it reads its request, and what it calls.
///
/// Nothing here has a default, so that each operation says all of it.
struct Operation: Sendable {
    let number: AgentOperation
    /// As the audit log writes it.
    let name: String
    /// Whether the record of one that was done is on the disk before its answer, and not within a second.
    let isSynced: Bool
    /// Whether its answer holds a plaintext, a key or secret randomness: it is wiped when it is sent.
    let answersSecret: Bool
    /// Whether it is answered also while dtad's own log or database is not what it should be: it uses no key.
    let isAboutTheAgent: Bool
    /// What its request adds to its record.
    let detail: RequestDetail
    /// Reads the request, which refuses what cannot be read, and begins.
    let start: @Sendable (Call, AgentRequest) throws -> Step

    /// Where an operation begins. How it goes on from there, such as with an HSM process, is what it calls.
    enum Beginning {
        /// With the worker that took the request: it must wait for nothing.
        case atOnce
        case lane(LaneName)
        /// In a lane, and there again each time that missing blocks have been brought from the IPFS node; which is not asked
        /// if the request says so.
        case bringingBlocks(LaneName, localOnly: @Sendable (AgentRequest) -> Bool)

        static func bringingBlocks(_ lane: LaneName) -> Beginning { .bringingBlocks(lane, localOnly: { _ in false }) }
    }

    /// - Parameters:
    ///   - reads: takes the fields out of the request that the operation reads, at once.
    ///   - calls: does it with these fields, where it `begins`. What it throws is the answer.
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
