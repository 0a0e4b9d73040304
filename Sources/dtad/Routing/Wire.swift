import AgentProtocol
import CustodyProtocol
import DTABytes
import DTACore
import DTAEnvelopes
import DTAFormats
import DTAIdentities
import DTALedger
import DTASystem
import Foundation

// The domain's types on the agent's wire.

extension AgentKey {
    init(_ record: KeyRecord) throws {
        self.init()
        name = record.name
        type = AgentKeyType(rawValue: Int(record.type.rawValue)) ?? .unspecified
        ownerUid = record.owner.uid
        owner = record.owner.name
        created = record.created
        imported = record.isImported
        if let half = try record.publicHalf() { publicKey = Data(half.spkiDER) }
    }
}

extension AgentKey {
    init(_ key: UnnamedKey) throws {
        self.init()
        type = key.type.flatMap { AgentKeyType(rawValue: Int($0.rawValue)) } ?? .unspecified
        ownerUid = key.owner.uid
        owner = key.owner.name
        if let half = try key.publicHalf() { publicKey = Data(half.spkiDER) }
        object = key.object
        objectClass = key.objectClass.name
    }
}

extension AgentIdentity {
    init(_ identity: KnownIdentity) {
        self.init()
        cid = identity.cid.description
        name = identity.name
        own = identity.isOwn
        ownerUid = identity.owner?.uid ?? 0
        owner = identity.owner?.name ?? ""
        created = identity.created
        standing = identity.standing.name
        successor = identity.successor?.description ?? ""
        trust = identity.trust.rawValue
        alias = identity.alias ?? ""
        url = identity.url
        previous = identity.previous?.description ?? ""
    }
}

extension AgentResponse {
    mutating func set(_ identity: KnownIdentity) {
        cid = identity.cid.description
        identities = [AgentIdentity(identity)]
    }
}

extension AgentBlock {
    init(_ record: BlockRecord) {
        self.init()
        cid = record.cid.description
        size = UInt64(record.size)
        stored = record.stored
        kind = record.kind.rawValue
        place = record.isHere ? "here" : "ipfs"
    }
}

extension AgentPublication {
    init(_ publication: Publication) {
        self.init()
        cid = publication.cid.description
        state = publication.state.rawValue
        attempts = UInt32(clamping: publication.attempts)
        next = publication.next
        since = publication.since
        error = publication.error
    }
}

extension EnvelopeService.Opened {
    var wire: [(String, String)] {
        var fields = [
            ("from", header.from.description), ("created", "\(header.created)"), ("content_type", header.content),
            ("thread", Hexadecimal.encode(header.thread)), ("trust", trust.rawValue), ("standing", standing),
        ]
        if let previous = header.previous { fields.append(("previous", previous.description)) }
        if let recipient { fields.append(("opened_as", recipient.description)) }
        return fields
    }
}

extension AgentResponse {
    mutating func set(_ opened: EnvelopeService.Opened) {
        cid = opened.cid.description
        fields = dtad.fields(opened.wire)
        switch opened.content {
        case .body(let body): data = Data(secret: body)
        case .chunks(let size, let key): setChunks(size: UInt64(size), key: key.map { Data(secret: $0) } ?? Data())
        }
    }
}

extension AgentEnvelope {
    init(_ envelope: ReceivedEnvelope, _ trust: Trust) {
        self.init()
        cid = envelope.cid.description
        thread = Hexadecimal.encode(envelope.thread)
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

extension EnvelopeService.Address {
    init(_ request: AgentRequest) {
        self.init(
            sender: request.subject, recipients: request.identities, isPublic: request.public,
            contentType: request.contentType, replyTo: request.replyTo)
    }
}

extension AgentRequest {
    /// The start of a list, and its length.
    var page: (count: UInt32, cursor: String) { (count, cursor) }
}

func fields(_ pairs: [(String, String)]) -> [AgentField] {
    pairs.map { name, value in
        var field = AgentField()
        field.name = name
        field.value = value
        return field
    }
}

extension AuditVerifier.Findings {
    var wire: [(String, String)] {
        var fields = [("records", "\(records)")]
        if let first { fields.append(("first", "\(first)")) }
        if let last { fields.append(("last", "\(last)")) }
        if !lastHash.isEmpty { fields.append(("last_hash", lastHash)) }
        fields.append(("checkpoints", "\(checkpoints)"))
        fields.append(("unchecked_checkpoints", "\(uncheckedCheckpoints)"))
        if let lastCheckpointed { fields.append(("last_checkpointed", "\(lastCheckpointed)")) }
        fields.append(("problems", "\(problems)"))
        if let firstProblem { fields.append(("first_problem", firstProblem)) }
        return fields
    }
}
