import AgentProtocol
import DTACourier
import DTAFormats

/// The identities for which a client may carry: all, or those to which its token limits it.
struct CarryScope: Sendable {
    /// Nil: all.
    private let identities: Set<CID>?

    init(_ scope: TokenScope) throws {
        identities = try scope.names.map { _ in Set(try scope.lines.map(GatewayServices.cid)) }
    }

    /// CIDs, for the agent; none if it does not matter.
    var subjects: [String] { (identities ?? []).map(\.description).sorted() }

    /// Checks that a part concerns one of the identities.
    /// - Parameter consignment: the CAR that it came with; nil: none.
    /// - Throws: `Problem`, 403, if it does not.
    func check(_ part: CID, _ consignment: Consignment?, _ courier: Courier) throws {
        guard let identities else { return }
        _ = try courier.remaining
        if let consignment, consignment.concerns(identities, root: part) { return }
        if try courier.knows(part, of: subjects) { return }
        if consignment?.envelopes[part] == nil, try isConcerned(part, identities, courier) { return }
        throw Problem.forbidden("the token is for identities that this part does not concern")
    }

    /// The same for an envelope that the agent has, or finds.
    private func isConcerned(_ part: CID, _ identities: Set<CID>, _ courier: Courier) throws -> Bool {
        func block(_ cid: CID) throws -> [UInt8] { [UInt8](try courier.client.call(.getBlock(cid.description)).data) }
        guard let envelope = (try? SignedEnvelope(block: block(part), named: part))?.envelope else { return false }
        return identities.contains(envelope.header.from)
            || !identities.isDisjoint(with: (try? envelope.recipients(block)) ?? [])
    }
}
