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
                    $0.setChunks(size: 0, key: Data(secret: key))
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
            case .opened(let opened): return entry.noting("public").answer { $0.set(OpenedAnswer(opened)) }
            case .sealed(let recipient, let step):
                return entry.noting("as", "\(recipient)").custody({ OpenedAnswer(try step($0)) }) { $1.set($0) }
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

/// What an envelope held, on its way into an answer: its body or its key in memory that is wiped in the end.
private struct OpenedAnswer: Sendable {
    let cid: String
    let fields: [(String, String)]
    /// The body, or the key of its chunks.
    let secret: Data
    /// Of a body in chunks.
    let size: Int?

    init(_ opened: consuming EnvelopeService.Opened) {
        cid = opened.cid.description
        fields = opened.wire
        var bytes: [UInt8]
        switch opened.content {
        case .body(let body): (bytes, size) = (body, nil)
        case .chunks(let count, let key): (bytes, size) = (key ?? [], count)
        }
        // So that these are the only ones, and are wiped where they are.
        opened.content = .body([])
        secret = Data(secret: bytes)
        wipe(&bytes)
    }
}

extension AgentResponse {
    fileprivate mutating func set(_ opened: OpenedAnswer) {
        cid = opened.cid
        fields = dtad.fields(opened.fields)
        if let size = opened.size {
            setChunks(size: UInt64(size), key: opened.secret)
        } else {
            data = opened.secret
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
