import AgentProtocol
import AgentServer
import DTACore
import DTASystem
import Foundation

/// Blocks.
extension Router {
    func routeLedger(_ request: AgentRequest, _ caller: Caller, _ entry: Entry) throws -> Step {
        let subject = request.subject
        switch request.operation {
        case .ledgerPut:
            return entry.durable {
                let cid = try agent.ledger.put(
                    caller, data: [UInt8](request.data), contentType: request.contentType)
                $0.cid = cid.description
            }
        case .ledgerGet:
            return entry.reading {
                let (cid, data) = try agent.ledger.block(subject)
                $0.cid = cid.description
                $0.data = data
            }
        case .ledgerList:
            return entry.reading {
                let page = try agent.ledger.list(count: request.count, cursor: request.cursor)
                $0.blocks = page.items.map(AgentBlock.init)
                $0.cursor = page.cursor
            }
        default: throw Router.unknown(request.operation)
        }
    }
}
