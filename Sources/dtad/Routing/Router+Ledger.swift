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
            return entry.bringing(localOnly: request.localOnly) {
                let (cid, data) = try agent.ledger.block(subject)
                return entry.answer {
                    $0.cid = cid.description
                    $0.data = data
                }
            }
        case .ledgerList:
            return entry.reading {
                let page = try agent.ledger.list(count: request.count, cursor: request.cursor)
                $0.blocks = page.items.map(AgentBlock.init)
                $0.cursor = page.cursor
            }
        case .ledgerStatus:
            return entry.reading {
                $0.fields = fields(try agent.ledger.nodeStatus())
                if subject.isEmpty {
                    let page = try agent.ledger.unfinished(count: request.count, cursor: request.cursor)
                    $0.publications = page.items.map(AgentPublication.init)
                    $0.cursor = page.cursor
                } else {
                    $0.publications = [AgentPublication(try agent.ledger.publication(subject))]
                }
            }
        case .ledgerGc:
            return entry.asking {
                let collected = try agent.ledger.collect(caller, dryRun: request.dryRun, cursor: request.cursor)
                $0.fields = fields([
                    ("dropped", "\(collected.dropped)"), ("bytes", "\(collected.bytes)"), ("kept", "\(collected.kept)"),
                ])
                $0.cursor = collected.cursor
            }
        default: throw Router.unknown(request.operation)
        }
    }
}
