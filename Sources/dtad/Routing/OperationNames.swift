import AgentProtocol

extension AgentOperation {
    /// As the audit log writes it.
    var recordName: String {
        switch self {
        case .unspecified: "unspecified"
        case .status: "status"
        case .keyCreate: "key.create"
        case .keyList: "key.list"
        case .keyShow: "key.show"
        case .keyDelete: "key.delete"
        case .sign: "sign"
        case .verify: "verify"
        case .mac: "mac"
        case .encrypt: "encrypt"
        case .decrypt: "decrypt"
        case .random: "random"
        case .policyExplain: "policy.explain"
        case .auditList: "audit.list"
        case .auditVerify: "audit.verify"
        case .identityCreate: "identity.create"
        case .identityList: "identity.list"
        case .identityShow: "identity.show"
        case .envelopeSeal: "envelope.seal"
        case .envelopeOpen: "envelope.open"
        case .ledgerPut: "ledger.put"
        case .ledgerGet: "ledger.get"
        case .ledgerList: "ledger.list"
        case .UNRECOGNIZED(let number): "operation.\(number)"
        }
    }

    /// Whether its record is on the disk before it is answered, and not within a second.
    var isMomentous: Bool {
        switch self {
        case .keyCreate, .keyDelete, .identityCreate: true
        default: false
        }
    }
}
