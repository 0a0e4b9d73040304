import AgentProtocol
import DTASystem
import Glibc

/// The identities as which the caller can act if an order's terms name several: the newest of each line, if it is on
/// this host and the caller may use it.
struct OwnActors {
    let actors: [AgentIdentity]
    /// How many successors are followed.
    private static let linkLimit = 64

    /// - Parameters: `parties`: CIDs, as in the terms; `permission`: the permission that the act needs.
    init(_ parties: [String], permission: String, _ client: BlockingAgentClient) throws {
        var seen: Set<String> = []
        let here = try parties.compactMap { try OwnActors.newest($0, client) }.filter { identity in
            try identity.own && seen.insert(identity.cid).inserted
                && client.call(.explainPolicy(subject: identity.cid, permission: permission, uid: nil)).valid
        }
        let mine = here.filter { $0.ownerUid == getuid() }
        actors = mine.isEmpty ? here : mine
    }

    private static func newest(_ cid: String, _ client: BlockingAgentClient) throws -> AgentIdentity? {
        var next = cid
        for _ in 0..<linkLimit {
            guard let identity = try? client.call(.showIdentity(next)).identities.first else { return nil }
            guard !identity.successor.isEmpty else { return identity }
            next = identity.successor
        }
        return nil
    }

    /// The only one, or the only one that has not decided.
    /// - Parameter done: those that have decided.
    /// - Returns: nil if none of them is the caller's: the agent says why.
    /// - Throws: if several could act: none is chosen silently.
    func only(notAmong done: Set<String>, _ what: String) throws -> AgentIdentity? {
        guard actors.count > 1 else { return actors.first }
        let left = actors.filter { !done.contains($0.cid) }
        if let only = left.first, left.count == 1 { return only }
        let names = actors.map(\.name).joined(separator: ", ")
        throw Failure.failed(
            .invalidArgument,
            left.isEmpty
                ? "each of your identities that may \(what) has done so: \(names)"
                : "\(actors.count) of your identities may \(what): \(names)", hint: "say as which one with --as NAME")
    }
}
