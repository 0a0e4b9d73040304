import AgentProtocol
import AgentServer
import DTACore
import DTASystem
import Foundation

/// Identities.
extension Router {
    func routeIdentity(_ request: AgentRequest, _ caller: Caller, _ entry: Entry) throws -> Step {
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
            return entry.bringing {
                let (identity, document) = try agent.identities.show(subject)
                return entry.answer {
                    $0.identities = [AgentIdentity(identity)]
                    $0.data = Data(document.block)
                    $0.cid = document.cid.description
                }
            }
        default: throw Router.unknown(request.operation)
        }
    }
}
