import AgentProtocol
import AgentServer
import DTACore
import DTASystem
import Foundation

/// Identities, envelopes and blocks.
extension Router {
    func routeDocuments(_ request: AgentRequest, _ caller: Caller, _ entry: Entry) throws -> Step {
        let subject = request.subject
        switch request.operation {
        case .identityCreate:
            return entry.slow(try agent.identities.create(caller, name: subject)) {
                $1.cid = $0.cid.description
                $1.identities = [AgentIdentity($0)]
            }
        case .identityList:
            return entry.reading {
                let page = try agent.identities.list(caller, count: request.count, cursor: request.cursor)
                $0.identities = page.items.map(AgentIdentity.init)
                $0.cursor = page.cursor
            }
        case .identityShow:
            return entry.reading {
                let (identity, document) = try agent.identities.show(subject)
                $0.identities = [AgentIdentity(identity)]
                $0.data = Data(document.block)
                $0.cid = document.cid.description
            }

        case .envelopeSeal:
            let step = try agent.envelopes.seal(
                caller, sender: subject, recipients: request.identities, data: [UInt8](request.data),
                contentType: request.contentType)
            return entry.slow(step) { $1.cid = $0.description }
        case .envelopeOpen:
            guard request.identities.count <= 1 else {
                throw DTAError(
                    .invalidArgument, "an envelope is opened as one identity, not \(request.identities.count)")
            }
            let step = try agent.envelopes.open(caller, envelope: subject, as: request.identities.first)
            return entry.custody(step) {
                $1.data = Data($0.body)
                $1.cid = $0.cid.description
                $1.fields = fields($0.wire)
            }

        case .ledgerPut:
            return entry.durable {
                let cid = try agent.ledger.put(
                    caller, data: [UInt8](request.data), contentType: request.contentType)
                $0.cid = cid.description
            }
        case .ledgerGet:
            return entry.reading {
                let (cid, bytes) = try agent.ledger.get(subject)
                $0.cid = cid.description
                $0.data = Data(bytes)
            }
        default:
            return entry.reading {
                let page = try agent.ledger.list(count: request.count, cursor: request.cursor)
                $0.blocks = page.items.map(AgentBlock.init)
                $0.cursor = page.cursor
            }
        }
    }
}
