import AgentProtocol
import AgentServer
import DTACore
import DTAFormats
import DTASystem
import Foundation

/// Envelopes.
extension Router {
    func routeEnvelope(_ request: AgentRequest, _ caller: Caller, _ entry: Entry) throws -> Step {
        let subject = request.subject
        switch request.operation {
        case .envelopeSeal:
            return entry.bringing(in: .bulk) {
                let step = try agent.envelopes.seal(
                    caller, EnvelopeService.Address(request), data: [UInt8](request.data))
                return entry.slow(step) { $1.cid = $0.description }
            }
        case .envelopeOpen: return try openEnvelope(request, caller, entry)
        case .envelopeDraft:
            return entry.bringing(in: .bulk) {
                try entry.answer {
                    var (id, key) = try agent.envelopes.draft(caller, EnvelopeService.Address(request))
                    $0.cursor = id
                    $0.setChunks(size: 0, key: Data(key))
                    wipe(&key)
                }
            }
        case .envelopeChunk:
            let (index, block) = (request.count, request.data)
            return entry.bulk {
                try agent.envelopes.write(caller, draft: subject, index: index, block: block)
                return entry.answer { _ in }
            }
        case .envelopeFinish:
            let count = request.count
            return entry.bulk {
                entry.slow(try agent.envelopes.finish(caller, draft: subject, count: count)) {
                    $1.cid = $0.description
                }
            }
        case .envelopeAbandon:
            return entry.bulk {
                try agent.envelopes.abandon(caller, draft: subject)
                return entry.answer { _ in }
            }
        case .envelopeThread:
            let (count, cursor) = (request.count, request.cursor)
            return entry.reading {
                let page = try agent.envelopes.thread(of: subject, count: count, cursor: cursor)
                $0.envelopes = page.items.map { AgentEnvelope($0.envelope, $0.trust) }
                $0.cursor = page.cursor
            }
        default: throw Router.unknown(request.operation)
        }
    }

    private func openEnvelope(_ request: AgentRequest, _ caller: Caller, _ entry: Entry) throws -> Step {
        guard request.identities.count <= 1 else {
            throw DTAError(
                .invalidArgument, "an envelope is opened as one identity, not \(request.identities.count)")
        }
        let (subject, identity) = (request.subject, request.identities.first)
        let allowUntrusted = request.allowUntrusted
        return entry.bringing(in: .opening) {
            let opening = try agent.envelopes.open(
                caller, envelope: subject, as: identity, allowUntrusted: allowUntrusted)
            switch opening {
            case .opened(let opened): return entry.answer { $0.set(opened) }
            case .sealed(let step): return entry.custody(step) { $1.set($0) }
            }
        }
    }
}

extension EnvelopeService.Address {
    fileprivate init(_ request: AgentRequest) {
        self.init(
            sender: request.subject, recipients: request.identities, isPublic: request.public,
            contentType: request.contentType, replyTo: request.replyTo)
    }
}

extension AgentResponse {
    fileprivate mutating func set(_ opened: EnvelopeService.Opened) {
        cid = opened.cid.description
        fields = dtad.fields(opened.wire)
        switch opened.content {
        case .body(let body): data = Data(body)
        case .chunks(let bytes, let key):
            setChunks(size: UInt64(bytes), key: Data(key ?? []))
        }
    }
}

extension AgentEnvelope {
    fileprivate init(_ envelope: ReceivedEnvelope, _ trust: Trust) {
        self.init()
        cid = envelope.cid.description
        thread = hexadecimal(envelope.thread)
        from = envelope.from.description
        previous = envelope.previous?.description ?? ""
        created = envelope.created
        received = envelope.received
        contentType = envelope.content
        standing = envelope.standing ?? ReceivedEnvelope.unknownStanding
        self.trust = trust.rawValue
        `public` = envelope.isPublic
    }
}
