import AgentProtocol
import DTACourier
import DTAFormats

/// For whom a client carries: for everybody, or for the identities to which its token narrows it.
struct Errand: Sendable {
    /// Nil: for everybody.
    private let identities: Set<CID>?

    init(_ standpoint: Standpoint) throws {
        identities = try standpoint.names.map { _ in Set(try standpoint.lines.map(Desk.cid)) }
    }

    /// CIDs, for the agent; none if it does not matter.
    var subjects: [String] { (identities ?? []).map(\.description).sorted() }

    /// - Parameter consignment: what it came with; nil: nothing.
    /// - Throws: `Problem`, 403, if a part concerns none of the identities.
    func judge(_ part: CID, _ consignment: Consignment?, _ courier: Courier) throws {
        guard let identities else { return }
        _ = try courier.remaining
        if let consignment, consignment.concerns(identities, root: part) { return }
        if try courier.knows(part, of: subjects) { return }
        if consignment?.envelopes[part] == nil, try isConcerned(part, identities, courier) { return }
        throw Problem.forbidden("the token is for identities that this part does not concern")
    }

    /// The same of an envelope that the agent has, or finds.
    private func isConcerned(_ part: CID, _ identities: Set<CID>, _ courier: Courier) throws -> Bool {
        func block(_ cid: CID) throws -> [UInt8] { [UInt8](try courier.client.call(.getBlock(cid.description)).data) }
        guard let envelope = (try? SignedEnvelope(block: block(part), named: part))?.envelope else { return false }
        return identities.contains(envelope.header.from)
            || !identities.isDisjoint(with: (try? envelope.recipients(block)) ?? [])
    }
}
