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
        case .keyUnnamed: "key.unnamed"
        case .sign: "sign"
        case .verify: "verify"
        case .mac: "mac"
        case .encrypt: "encrypt"
        case .decrypt: "decrypt"
        case .random: "random"
        case .policyExplain: "policy.explain"
        case .auditList: "audit.list"
        case .auditVerify: "audit.verify"
        case .auditArchive: "audit.archive"
        case .auditAccept: "audit.accept"
        case .identityCreate: "identity.create"
        case .identityList: "identity.list"
        case .identityShow: "identity.show"
        case .identityRotate: "identity.rotate"
        case .identityRevoke: "identity.revoke"
        case .identityRecover: "identity.recover"
        case .identityRecoverFinish: "identity.recover.finish"
        case .identityTrust: "identity.trust"
        case .identityDistrust: "identity.distrust"
        case .identityHistory: "identity.history"
        case .envelopeSeal: "envelope.seal"
        case .envelopeOpen: "envelope.open"
        case .envelopeDraft: "envelope.draft"
        case .envelopeChunk: "envelope.chunk"
        case .envelopeFinish: "envelope.finish"
        case .envelopeAbandon: "envelope.abandon"
        case .envelopeThread: "envelope.thread"
        case .ledgerPut: "ledger.put"
        case .ledgerGet: "ledger.get"
        case .ledgerList: "ledger.list"
        case .ledgerStatus: "ledger.status"
        case .ledgerGc: "ledger.gc"
        case .orderCreate: "order.create"
        case .orderList: "order.list"
        case .orderShow: "order.show"
        case .orderReceive: "order.receive"
        case .orderFulfil: "order.fulfil"
        case .orderRedeem: "order.redeem"
        case .orderApprove: "order.approve"
        case .orderResult: "order.result"
        case .orderDestroy: "order.destroy"
        case .orderDeposit: "order.deposit"
        case .pluginList: "plugin.list"
        case .walletPublishShares: "wallet.publish"
        case .walletListShares: "wallet.list"
        case .walletExport: "wallet.export"
        case .orderParts: "order.parts"
        case .orderEpochs: "order.epochs"
        case .UNRECOGNIZED(let number): "operation.\(number)"
        }
    }

    /// Whether its record is on the disk before it is answered, and not within a second.
    var isMomentous: Bool {
        switch self {
        case .keyCreate, .keyDelete, .keyUnnamed, .identityCreate, .identityRotate, .identityRevoke, .identityRecover,
            .identityRecoverFinish, .identityTrust, .identityDistrust, .ledgerGc, .orderCreate, .orderReceive,
            .orderFulfil, .orderRedeem, .orderApprove, .orderResult, .orderDestroy, .orderDeposit, .orderEpochs,
            .walletPublishShares, .walletExport, .auditArchive, .auditAccept:
            true
        default: false
        }
    }

    /// Whether it is answered also while dtad's own log or database is not what it should be: it uses no key.
    var isAboutTheAgent: Bool {
        switch self {
        case .status, .auditList, .auditVerify, .auditArchive, .auditAccept: true
        default: false
        }
    }
}
