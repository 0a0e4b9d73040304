import DTACore
import DTAFormats
import DTASystem
import Foundation
import GRDB

/// Which identities this host trusts. The host decides that, not a user: administrators do, and users they grant it to.
extension IdentityService {
    /// Trusts an identity, and gives it a name on this host.
    /// - Parameters:
    ///   - subject: the CID of an identity that is known here, an alias to get another `url`, or an own name.
    ///   - alias: its name on this host from now on; needed if it has none and is not own.
    ///   - url: the address of its courier, https or http; "": as before.
    package func trust(_ caller: Caller, _ subject: String, alias: String, url: String) throws -> KnownIdentity {
        let cid = try cid(subject)
        let (before, distrusted) = try blocks.store.read { database -> (TrustRow?, CID?) in
            let facts = KnownFacts(database: database)
            return (try facts.trustRow(of: cid), try self.distrusted(cid, facts))
        }
        let own = own(cid)
        let name = try alias.isEmpty ? before?.alias : IdentityName(alias).text
        try authorizeTrust(caller, name ?? own?.name ?? "\(cid)")
        // A caller who may give a name must not use that to remove another name that they may not give.
        if let old = before?.alias, old != name { try authorizeTrust(caller, old) }
        // A distrusted identity has no name: overruling the distrust needs permission for its CID, not only for the new
        // name.
        if let distrusted { try authorizeTrust(caller, "\(distrusted)") }
        guard own == nil || name == nil else {
            throw DTAError(
                .invalidArgument, "identity \(display(cid)) is of this host and has its name: it takes no other")
        }
        guard own != nil || name != nil else {
            throw DTAError(
                .invalidArgument, "an identity from elsewhere is trusted under a name",
                helps: .nameAlias)
        }
        try IdentityService.check(url: url)
        let document = try explainingAbsence(of: cid) { try self.document("\(cid)") }
        let store = { [self] in
            try blocks.store.write { database in
                try checkTrustable(document.cid, in: database)
                try database.execute(
                    sql: """
                        INSERT INTO trust (cid, alias, url, state, since, by_uid, by_name)
                        VALUES (?, ?, ?, 'trusted', ?, ?, ?)
                        ON CONFLICT (cid) DO UPDATE SET alias = excluded.alias, url = excluded.url,
                          state = excluded.state, since = excluded.since, by_uid = excluded.by_uid,
                          by_name = excluded.by_name
                        """,
                    arguments: [
                        Data(cid.bytes), name, url.isEmpty ? before?.url ?? "" : url,
                        unixMicroseconds() / 1_000_000, Int64(caller.uid), caller.userName,
                    ])
            }
        }
        if let name { try identities.setAlias(name, to: cid, store: store) } else { try store() }
        return try known(document)
    }

    /// Distrusts an identity and all that descend from it, and frees its alias.
    /// - Parameter subject: an alias, an own name or a CID: the identity that is trusted; an alias means the identity
    ///   to which it was given, so that the whole line loses trust.
    package func distrust(_ caller: Caller, _ subject: String) throws -> KnownIdentity {
        let cid = try cid(subject)
        // Even if it was refuted since: otherwise its alias could not be removed.
        let document = try blocks.document(cid)
        let before = try blocks.store.read { try KnownFacts(database: $0).trustRow(of: cid) }
        try authorizeTrust(caller, before?.alias ?? own(cid)?.name ?? "\(cid)")
        if let own = own(cid), own.owner == .agent {
            throw DTAError(.failedPrecondition, "the agent's own identity cannot be distrusted on its own host")
        }
        try blocks.store.write { database in
            try database.execute(
                sql: """
                    INSERT INTO trust (cid, alias, url, state, since, by_uid, by_name)
                    VALUES (?, NULL, '', 'distrusted', ?, ?, ?)
                    ON CONFLICT (cid) DO UPDATE SET alias = NULL, url = '', state = excluded.state,
                      since = excluded.since, by_uid = excluded.by_uid, by_name = excluded.by_name
                    """,
                arguments: [
                    Data(cid.bytes), unixMicroseconds() / 1_000_000, Int64(caller.uid), caller.userName,
                ])
        }
        identities.removeAlias(of: cid)
        return try known(document)
    }

    /// For the audit record: the CID that a name means now; nil if it means none, or is a CID.
    package func meant(by subject: String) -> String? { isName(subject) ? (try? cid(subject)).map { "\($0)" } : nil }

    /// For the audit record: the alias under which an identity is trusted.
    package func alias(of subject: String) -> String? {
        guard let cid = try? cid(subject) else { return nil }
        return (try? blocks.store.read { try KnownFacts(database: $0).trustRow(of: cid) })??.alias
    }

    /// People exchange only CIDs: without the document the identity cannot be trusted yet.
    private func explainingAbsence(of cid: CID, _ find: () throws -> SignedIdentity) throws -> SignedIdentity {
        do {
            return try find()
        } catch let error as DTAError where error.code == .notFound {
            throw DTAError(
                .notFound, "the identity \(cid) is not known here: its document is not in this host's ledger",
                helps: .importIdentity)
        }
    }

    private func authorizeTrust(_ caller: Caller, _ name: String) throws {
        try policy.current.authorize(caller, .trust, IdentityService.trustResource(name))
    }

    /// An identity as an object of trust: the host owns it under that name.
    package static func trustResource(_ name: String) -> Resource { Resource(.identity, name, owner: .host) }

    private func checkTrustable(_ cid: CID, in database: Database) throws {
        switch try IdentityJudge(KnownFacts(database: database)).standing(of: cid) {
        case .current, .rotated: return
        case .revoked: throw DTAError(.failedPrecondition, "identity \(display(cid)) is revoked: it cannot be trusted")
        case .conflict:
            throw DTAError(
                .failedPrecondition,
                "identity \(display(cid)) has rival successors, or is one: neither can be trusted",
                hint: "its holder can settle that with the recovery key, or make a new identity")
        }
    }

    /// The most bytes of a courier's URL.
    private static let urlLimit = 1024

    private static func check(url: String) throws {
        guard !url.isEmpty else { return }
        let rest = ["https://", "http://"].first(where: url.hasPrefix).map { url.dropFirst($0.count) }
        let host = rest?.prefix { $0 != "/" && $0 != "?" && $0 != "#" }
        let isPlain = url.utf8.allSatisfy { (0x21...0x7e).contains($0) && !"\"<>\\^`{|}".utf8.contains($0) }
        if url.hasPrefix("unix:"), isPlain, (try? HTTPAddress(url)) != nil { return }
        guard let host, !host.isEmpty, isPlain, url.utf8.count <= urlLimit else {
            throw DTAError(
                .invalidArgument, "\(quoted(url)) is no URL of a courier",
                hint: "one begins with https:// and names a host, or is unix:/path; it has \(urlLimit) bytes at most")
        }
        // All users can see it.
        guard !host.contains("@") else {
            throw DTAError(.invalidArgument, "a courier's URL holds no user name and no password")
        }
    }
}
