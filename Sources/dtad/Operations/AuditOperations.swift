import AgentProtocol

/// The audit log, for clients.
enum AuditOperations {
    static let all = [list, verify, archive, accept]

    private static let list = Operation(
        .auditList, "audit.list", isSynced: false, answersSecret: false, isAboutTheAgent: true, detail: .none,
        begins: .lane(.reading),
        reads: { $0.page },
        calls: { call, asked in
            call.done {
                let page = try call.agent.audit.list(call.caller, count: asked.count, cursor: asked.cursor)
                $0.lines = page.items
                $0.cursor = page.cursor
            }
        })

    private static let verify = Operation(
        .auditVerify, "audit.verify", isSynced: false, answersSecret: false, isAboutTheAgent: true, detail: .none,
        begins: .lane(.reading),
        reads: { _ in },
        calls: { call, _ in
            call.done {
                let findings = try call.agent.verifyAudit(call.caller)
                $0.valid = findings.isSound
                $0.fields = fields(findings.wire)
            }
        })

    private static let archive = Operation(
        .auditArchive, "audit.archive", isSynced: true, answersSecret: false, isAboutTheAgent: true, detail: .none,
        begins: .lane(.durable),
        reads: { _ in },
        calls: { call, _ in call.done { $0.lines = try call.agent.archiveAudit(call.caller) } })

    private static let accept = Operation(
        .auditAccept, "audit.accept", isSynced: true, answersSecret: false, isAboutTheAgent: true, detail: .none,
        begins: .lane(.durable),
        reads: { _ in },
        calls: { call, _ in call.done { $0.lines = try call.agent.acceptAudit(call.caller) } })
}
