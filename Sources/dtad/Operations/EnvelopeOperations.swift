import AgentProtocol
import DTAEnvelopes
import DTASystem

/// Envelopes.
enum EnvelopeOperations {
    static let all = [seal, open, thread]

    private static let seal = Operation(
        .envelopeSeal, "envelope.seal", isSynced: false, answersSecret: false, isAboutTheAgent: false, detail: .none,
        begins: .bringingBlocks(.bulk),
        reads: { (address: EnvelopeService.Address($0), data: $0.data) },
        calls: { call, new in
            call.slow(try call.agent.envelopes.seal(call.caller, new.address, data: [UInt8](new.data))) {
                $1.cid = $0.description
            }
        })

    private static let open = Operation(
        .envelopeOpen, "envelope.open", isSynced: false, answersSecret: true, isAboutTheAgent: false,
        detail: RequestDetail { request, detail in
            if request.allowUntrusted { detail.add("allow_untrusted") }
            if let asked = request.identities.first { detail.add("asked_as", asked) }
        },
        begins: .bringingBlocks(.opening),
        reads: { (envelope: $0.subject, identity: try oneToOpenAs($0), allowUntrusted: $0.allowUntrusted) },
        calls: { call, asked in
            let opening = try call.agent.envelopes.open(
                call.caller, envelope: asked.envelope, as: asked.identity, allowUntrusted: asked.allowUntrusted)
            switch opening {
            case .opened(let opened): return call.noting("public").answer { $0.set(opened) }
            case .sealed(let recipient, let step):
                return call.noting("as", "\(recipient)").custody(step) { $1.set($0) }
            }
        })

    private static let thread = Operation(
        .envelopeThread, "envelope.thread", isSynced: false, answersSecret: false, isAboutTheAgent: false,
        detail: .none, begins: .lane(.reading),
        reads: { (envelope: $0.subject, page: $0.page) },
        calls: { call, asked in
            call.done {
                let page = try call.agent.envelopes.thread(
                    of: asked.envelope, count: asked.page.count, cursor: asked.page.cursor)
                $0.envelopes = page.items.map { AgentEnvelope($0.envelope, $0.trust) }
                $0.cursor = page.cursor
            }
        })

    private static func oneToOpenAs(_ request: AgentRequest) throws -> String? {
        guard request.identities.count <= 1 else {
            throw DTAError(
                .invalidArgument, "an envelope is opened as one identity, not \(request.identities.count)")
        }
        return request.identities.first
    }
}
