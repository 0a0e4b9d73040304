import AgentProtocol
import AgentServer
import DTACore
import DTAFormats
import DTASystem
import Foundation

/// Identities.
extension Router {
    func routeIdentity(_ request: AgentRequest, _ caller: Caller, _ entry: Entry) throws -> Step {
        let subject = request.subject
        let recovery = [UInt8](request.recovery)
        switch request.operation {
        case .identityCreate:
            let step = try agent.identities.create(
                caller, name: subject, recovery: recovery, postQuantum: request.postQuantum)
            return entry.slow(step) { $1.answer($0) }
        case .identityRotate:
            let step = try agent.identities.rotate(
                caller, subject, recovery: recovery, postQuantum: request.postQuantum)
            return entry.slow(step) { $1.answer($0) }
        case .identityRevoke:
            let step = try agent.identities.revoke(caller, subject)
            return entry.noting("identity", agent.identities.meant(by: subject)).slow(step) {
                $1.answer($0.identity)
                $1.cid = $0.revocation.description
            }
        case .identityRecover:
            let step = try agent.identities.recover(
                caller, name: subject, subject: try onlyIdentity(request), recovery: recovery,
                postQuantum: request.postQuantum)
            return entry.slow(step) {
                $1.cursor = $0.name
                $1.data = Data(try $0.identity.encoded)
            }
        case .identityRecoverFinish:
            let step = try agent.identities.finishRecovery(
                caller, draft: subject, key: [UInt8](request.data), signature: [UInt8](request.signature))
            return entry.slow(step) { $1.answer($0) }

        case .identityTrust:
            let look: @Sendable (Entry) -> Entry = { $0.noting("identity", agent.identities.meant(by: subject)) }
            return entry.durable(noting: look) {
                $0.answer(try agent.identities.trust(caller, subject, alias: request.alias, url: request.url))
            }
        case .identityDistrust:
            let look: @Sendable (Entry) -> Entry = {
                $0.noting("identity", agent.identities.meant(by: subject))
                    .noting("alias", agent.identities.alias(of: subject))
            }
            return entry.durable(noting: look) { $0.answer(try agent.identities.distrust(caller, subject)) }

        case .identityList:
            return entry.reading {
                let page = try agent.identities.list(caller, count: request.count, cursor: request.cursor)
                $0.identities = page.items.map(AgentIdentity.init)
                $0.cursor = page.cursor
            }
        case .identityShow:
            return entry.bringing {
                let (identity, document) = try agent.identities.show(subject)
                return entry.answer {
                    $0.answer(identity)
                    $0.data = Data(document.block)
                }
            }
        case .identityHistory:
            return entry.reading {
                let history = try agent.identities.history(subject)
                $0.identities = history.identities.map(AgentIdentity.init)
                $0.blocks = history.blocks.map(AgentBlock.init)
            }
        default: throw Router.unknown(request.operation)
        }
    }

    private func onlyIdentity(_ request: AgentRequest) throws -> String {
        guard request.identities.count == 1 else {
            throw DTAError(.invalidArgument, "one identity is recovered at a time, not \(request.identities.count)")
        }
        return request.identities[0]
    }
}

extension AgentResponse {
    fileprivate mutating func answer(_ identity: KnownIdentity) {
        cid = identity.cid.description
        identities = [AgentIdentity(identity)]
    }
}
