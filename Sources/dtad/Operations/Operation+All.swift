import AgentProtocol

extension Operation {
    /// Each operation that this agent knows.
    static let all: [Operation] =
        AgentOperations.all + KeyOperations.all + KeyViewOperations.all + KeyUseOperations.all + AuditOperations.all
        + IdentityOperations.all
        + IdentityKeyOperations.all + EnvelopeOperations.all + DraftOperations.all + LedgerOperations.all
        + OrderOperations.all + OrderDecisions.all + WalletOperations.all + SSHOperations.all
}

/// The operations by their numbers.
struct OperationTable: Sendable {
    private let operations: [Operation?]

    init(_ all: [Operation]) {
        let size = (all.map(\.number.rawValue).max() ?? 0) + 1
        operations = all.reduce(into: [Operation?](repeating: nil, count: size)) { table, operation in
            precondition(table[operation.number.rawValue] == nil, "two operations have the number \(operation.number)")
            table[operation.number.rawValue] = operation
        }
    }

    /// nil if there is none.
    subscript(_ number: AgentOperation) -> Operation? {
        operations.indices.contains(number.rawValue) ? operations[number.rawValue] : nil
    }
}
