import AgentProtocol
import DTASystem

/// About the agent and its policy.
enum AgentOperations {
    static let all = [status, policyExplain]

    private static let status = Operation(
        .status, "status", isSynced: false, answersSecret: false, isAboutTheAgent: true, detail: .none, begins: .atOnce,
        reads: { _ in },
        calls: { call, _ in call.answer { $0.fields = fields(call.parts.status.fields) } })

    private static let policyExplain = Operation(
        .policyExplain, "policy.explain", isSynced: false, answersSecret: false, isAboutTheAgent: false, detail: .none,
        begins: .atOnce,
        reads: {
            (
                subject: $0.subject, permission: $0.permission, uid: $0.hasUid ? $0.uid : nil, sshLogin: $0.sshLogin
            )
        },
        calls: { call, asked in
            let explain: @Sendable (inout AgentResponse) throws -> Void = {
                let decision = try call.agent.explain(
                    call.caller, subject: asked.subject, permission: asked.permission, uid: asked.uid,
                    sshLogin: asked.sshLogin)
                $0.valid = decision.isAllowed
                $0.lines = decision.reasons
            }
            guard let uid = asked.uid, uid != call.caller.uid else { return try call.answer(explain) }
            // Another user's groups may have to be looked up over the network.
            return call.next(in: .asking) { call.done(explain) }
        })
}
