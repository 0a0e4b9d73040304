import AgentProtocol
import AgentServer
import CustodyProtocol
import DTACore
import DTASystem
import Foundation

/// Maps each request of agent.proto to one method of one service, records it, and does nothing else.
struct Router: RequestHandler {
    let agent: Core
    /// For what waits between its calls to the HSM.
    let lane: LaneCustodian
    let status: @Sendable () -> [(String, String)]

    func prepare(_ request: AgentRequest, from caller: Caller) -> Step {
        let entry = Entry(request: request, caller: caller, agent: agent)
        do {
            guard request.version == AgentFrame.version else {
                throw DTAError(
                    .invalidArgument,
                    "version \(request.version) of the protocol is not spoken here, only \(AgentFrame.version)",
                    hint: "use a dtactl of the same release as dtad")
            }
            guard request.details.count <= 1 else {
                throw DTAError(.invalidArgument, "a request has one details at most, not \(request.details.count)")
            }
            if let halt = agent.halt, !request.operation.isAboutTheAgent { throw halt }
            return try route(request, caller, entry)
        } catch {
            let refusal = DTAError(error)
            // A refusal's record must be on the disk before it is answered, which takes a while.
            return refusal.code == .permissionDenied
                ? .lane(.durable) { .answer(entry.finish(.failure(refusal), durable: true)) }
                : .answer(entry.finish(.failure(refusal)))
        }
    }

    func turnAway(_ request: AgentRequest, from caller: Caller, because reason: DTAError) -> AgentResponse {
        Entry(request: request, caller: caller, agent: agent).finish(.failure(reason))
    }

    private func route(_ request: AgentRequest, _ caller: Caller, _ entry: Entry) throws -> Step {
        let subject = request.subject
        switch request.operation {
        case .status:
            return entry.answer { $0.fields = fields(status()) }

        case .keyCreate:
            let step = try agent.keys.create(caller, name: subject, type: try keyType(request.keyType))
            return entry.slow(step) { $1.keys = [try AgentKey($0)] }
        case .keyList:
            let page = try agent.keys.list(caller, count: request.count, cursor: request.cursor)
            return try entry.answer {
                $0.keys = try page.items.map { try AgentKey($0) }
                $0.cursor = page.cursor
            }
        case .keyShow:
            let key = try agent.keys.show(caller, name: subject)
            return try entry.answer { $0.keys = [try AgentKey(key)] }
        case .keyDelete:
            return entry.slow(try agent.keys.delete(caller, name: subject)) { _, _ in }

        case .keyUnnamed:
            switch request.decision {
            case "": return entry.slow(try agent.keys.listUnnamed(caller)) { $1.keys = try $0.map(AgentKey.init) }
            case "name":
                let step = try agent.keys.nameUnnamed(caller, object: subject, as: request.alias)
                return entry.slow(step) { $1.keys = [try AgentKey($0)] }
            case "destroy":
                return entry.slow(try agent.keys.destroyUnnamed(caller, object: subject)) { _, _ in }
            default:
                throw DTAError(
                    .invalidArgument, "about a key without a name one decides name or destroy, and nothing else")
            }

        case .sign:
            let step = try agent.keys.sign(
                caller, name: subject, data: [UInt8](request.data), prehashed: request.prehashed,
                format: try format(request.format))
            return entry.custody(step) { $1.data = Data($0) }
        case .verify:
            let valid = try agent.keys.verify(
                caller, name: subject, data: [UInt8](request.data), prehashed: request.prehashed,
                signature: [UInt8](request.signature), format: try format(request.format))
            return entry.answer { $0.valid = valid }
        case .mac:
            let step = try agent.keys.mac(caller, name: subject, data: [UInt8](request.data))
            return entry.custody(step) { $1.data = Data($0) }
        case .encrypt:
            let step = try agent.keys.encrypt(
                caller, name: subject, data: [UInt8](request.data), aad: [UInt8](request.aad))
            return entry.custody(step) { $1.data = Data($0) }
        case .decrypt:
            let step = try agent.keys.decrypt(
                caller, name: subject, data: [UInt8](request.data), aad: [UInt8](request.aad))
            return entry.custodyOfSecret(step)
        case .random:
            return entry.custodyOfSecret(try agent.keys.random(count: request.count))

        case .policyExplain:
            let (permission, uid) = (request.permission, request.hasUid ? request.uid : nil)
            let explain: @Sendable (inout AgentResponse) throws -> Void = {
                let decision = try agent.explain(caller, subject: subject, permission: permission, uid: uid)
                $0.valid = decision.isAllowed
                $0.lines = decision.reasons
            }
            // Another user's groups may be asked for over the network.
            return uid == nil || uid == caller.uid ? try entry.answer(explain) : entry.asking(explain)
        case .auditList:
            // Reading the log reads files.
            return entry.reading {
                let page = try agent.audit.list(caller, count: request.count, cursor: request.cursor)
                $0.lines = page.items
                $0.cursor = page.cursor
            }
        case .auditVerify:
            return entry.reading {
                let findings = try agent.verifyAudit(caller)
                $0.valid = findings.isSound
                $0.fields = fields(findings.wire)
            }

        case .auditArchive:
            return entry.durable { $0.lines = try agent.archiveAudit(caller) }
        case .auditAccept:
            return entry.durable { $0.lines = try agent.acceptAudit(caller) }

        case .identityCreate, .identityList, .identityShow, .identityRotate, .identityRevoke, .identityRecover,
            .identityRecoverFinish, .identityTrust, .identityDistrust, .identityHistory:
            return try routeIdentity(request, caller, entry)
        case .envelopeSeal, .envelopeOpen, .envelopeDraft, .envelopeChunk, .envelopeFinish, .envelopeAbandon,
            .envelopeThread:
            return try routeEnvelope(request, caller, entry)
        case .ledgerPut, .ledgerGet, .ledgerList, .ledgerStatus, .ledgerGc:
            return try routeLedger(request, caller, entry)
        case .orderCreate, .orderList, .orderShow, .orderReceive, .orderFulfil, .orderRedeem, .orderApprove,
            .orderResult,
            .orderDestroy, .orderDeposit, .orderParts, .orderEpochs, .pluginList:
            return try routeOrder(request, caller, entry)
        case .walletPublishShares, .walletListShares, .walletExport:
            return try routeWallet(request, caller, entry)
        case .unspecified, .UNRECOGNIZED:
            throw Router.unknown(request.operation)
        }
    }

    static func unknown(_ operation: AgentOperation) -> DTAError {
        DTAError(
            .invalidArgument, "operation \(operation.rawValue) is not known here",
            hint: "use a dtad that is as new as the client")
    }

    private func keyType(_ type: AgentKeyType) throws -> KeyType {
        guard let type = KeyType(rawValue: UInt8(clamping: type.rawValue)) else {
            let known = KeyType.allCases.map(\.name).joined(separator: ", ")
            throw DTAError(.invalidArgument, "there is no such type of key", hint: "types: \(known)")
        }
        return type
    }

    private func format(_ format: AgentSignatureFormat) throws -> SignatureFormat {
        switch format {
        case .unspecified, .raw: return .raw
        case .der: return .der
        default: throw DTAError(.invalidArgument, "there is no such format of signatures", hint: "raw or der")
        }
    }
}

func fields(_ pairs: [(String, String)]) -> [AgentField] {
    pairs.map { name, value in
        var field = AgentField()
        field.name = name
        field.value = value
        return field
    }
}
