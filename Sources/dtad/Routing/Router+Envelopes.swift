import AgentProtocol
import AgentServer
import DTACore
import DTASystem
import Foundation

/// Envelopes.
extension Router {
    func routeEnvelope(_ request: AgentRequest, _ caller: Caller, _ entry: Entry) throws -> Step {
        let subject = request.subject
        switch request.operation {
        case .envelopeSeal:
            return entry.bringing {
                try agent.identities.need(request.identities)
                let step = try agent.envelopes.seal(
                    caller, sender: subject, recipients: request.identities, data: [UInt8](request.data),
                    contentType: request.contentType)
                return entry.slow(step) { $1.cid = $0.description }
            }
        case .envelopeOpen:
            guard request.identities.count <= 1 else {
                throw DTAError(
                    .invalidArgument, "an envelope is opened as one identity, not \(request.identities.count)")
            }
            return entry.bringing {
                let step = try agent.envelopes.open(caller, envelope: subject, as: request.identities.first)
                return entry.custody(step) {
                    $1.data = Data($0.body)
                    $1.cid = $0.cid.description
                    $1.fields = fields($0.wire)
                }
            }
        default: throw Router.unknown(request.operation)
        }
    }
}
