import AgentProtocol
import DTASystem

/// The identities with which a client may act: all that the gateway may use, or those of its token, with their lines.
struct TokenScope: Sendable {
    /// The token's names; nil: it has none.
    let names: [String]?
    /// CIDs.
    let lines: Set<String>
    /// The identities of the token, with their lines, as far as they are known here; none if it names none.
    let identities: [AgentIdentity]

    init(_ client: Client, _ agent: AgentPool) async throws {
        names = client.identities
        var lines: Set<String> = []
        var identities: [AgentIdentity] = []
        for name in client.identities ?? [] {
            do {
                let history = try await agent.call(.identityHistory(name))
                identities += history.identities.filter { lines.insert($0.cid).inserted }
            } catch let error as DTAError where error.code == .notFound || error.code == .invalidArgument {
                throw Problem.forbidden("the token is for an identity that is not known here")
            }
        }
        self.lines = lines
        self.identities = identities
    }

    func includes(identity cid: String) -> Bool { names == nil || lines.contains(cid) }

    func includes(_ order: AgentOrder) -> Bool {
        guard names != nil else { return true }
        let parties =
            [order.principal, order.fiduciary, order.beneficiary, order.recipient] + order.redeemers + order.approvers
        return parties.contains { lines.contains($0) }
    }

    /// The identity that acts: the one of the request, else the token's, else `other`.
    /// - Throws: `Problem` if the token does not allow it.
    func identity(_ asked: String?, or other: String, _ agent: AgentPool) async throws -> String {
        guard let names else { return asked ?? other }
        guard let asked else { return names[0] }
        let shown = try await agent.call(.showIdentity(asked))
        guard let found = shown.identities.first, lines.contains(found.cid) else {
            throw Problem.forbidden("the token does not allow to act as this identity")
        }
        return found.cid
    }
}
