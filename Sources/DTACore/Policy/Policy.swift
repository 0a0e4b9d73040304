import DTAConfiguration
import DTASystem

/// Who may do what: owners may use what they own, administrators may manage it, others need grants. All users may make
/// their own keys and identities, except users listed under `couriers:`.
package final class Policy: Sendable {
    let grants: [Grant]
    /// What keys may sign on ssh.sock, for all callers. Such keys sign there alone.
    let sshKeys: [SSHKeyTerms]
    /// How many keys are offered there to a host at most.
    package let offerAtMost: Int
    /// How long a person may take to confirm a signature there, in seconds.
    package let confirmSeconds: Int
    /// Whether any terms say that users are asked.
    let asksUsers: Bool
    /// The hosts that terms may name.
    let sshHosts: SSHHosts
    private let couriers: [Selector]
    /// Whether any grant asks for the SHA-256 of a program.
    package let needsExecutableDigest: Bool

    /// Reads the grants of a configuration.
    /// - Throws: `DTAError` that names the line; then none of it is in force.
    package init(
        _ grants: [Configuration.Grant], couriers: [String] = Configuration.standardCouriers,
        ssh: Configuration.SSH = Configuration.SSH(), canSeePrograms: Bool = Capabilities.canSeePrograms
    ) throws {
        do {
            self.couriers = try couriers.map(Selector.init)
        } catch let error as DTAError {
            throw DTAError(error.code, "couriers: \(error.message)", hint: error.hint)
        }
        guard !self.couriers.contains(where: \.looksAtProgram) else {
            throw DTAError(
                .invalidArgument, "couriers: a program can connect and then run another: name a user, a group or a unit"
            )
        }
        let hosts = try SSHHosts(ssh.hosts)
        sshHosts = hosts
        confirmSeconds = ssh.confirmSeconds
        self.grants = try grants.map { try Grant($0, hosts, canSeePrograms: canSeePrograms) }
        sshKeys = try ssh.keys.map { try SSHKeyTerms($0, hosts) }
        offerAtMost = ssh.offerAtMost
        asksUsers = sshKeys.contains { $0.terms.confirm != nil } || self.grants.contains { $0.ssh?.confirm != nil }
        needsExecutableDigest = self.grants.contains { $0.selectors.contains(where: \.isDigest) }
    }

    /// Whether the SHA-256 of this caller's program can matter: the caller matches all other selectors of such a grant.
    package func needsExecutableDigest(of caller: Caller) -> Bool {
        needsExecutableDigest
            && grants.contains { grant in
                grant.selectors.contains(where: \.isDigest)
                    && grant.selectors.allSatisfy { $0.isDigest || $0.matches(caller) }
            }
    }

    /// Whether `caller` has the permission. This is on the hot path.
    @inline(__always)
    package func allows(_ caller: Caller, _ permission: Permission, _ resource: Resource) -> Bool {
        (resource.owner.isSame(as: caller) || allowsStranger(caller, permission, resource))
            && !(permission == .sign && isForSSHAlone(resource))
    }

    private func allowsStranger(_ caller: Caller, _ permission: Permission, _ resource: Resource) -> Bool {
        if permission.isEverybodys { return true }
        // No grant covers the agent's own identity, however wide its pattern.
        if resource.owner == .agent { return permission == .public }
        if caller.isAdministrator && permission.isAdministration { return true }
        if caller.isAdministrator && permission == .trust && resource.owner == .host { return true }
        return grants.contains {
            $0.covers(permission, resource) && $0.isForAllSockets(permission) && $0.matches(caller)
        }
    }

    /// - Throws: `DTAError.permissionDenied` with the reason and a hint.
    @inline(__always)
    package func authorize(_ caller: Caller, _ permission: Permission, _ resource: Resource) throws {
        guard allows(caller, permission, resource) else { throw refusal(caller, permission, resource) }
    }

    /// Checks whether a caller may make a key or an identity of their own.
    /// - Throws: `DTAError.permissionDenied` if the caller is a courier, and no grant permits it.
    package func authorizeMaking(_ caller: Caller, _ kind: Resource.Kind, _ name: String) throws {
        guard let courier = couriers.first(where: { $0.matches(caller) }) else { return }
        let resource = Resource(kind, name, owner: Owner(uid: caller.uid, name: caller.userName))
        guard grants.contains(where: { $0.covers(.create, resource) && $0.matches(caller) }) else {
            throw DTAError(
                .permissionDenied,
                "user \(caller.display) may not make \(resource.display): \(courier.text) only carries what others made",
                hint: "an administrator can grant create on it under grants: in dtad.yaml")
        }
    }

    private func refusal(_ caller: Caller, _ permission: Permission, _ resource: Resource) -> DTAError {
        if permission == .sign, !grounds(caller, resource).isEmpty {
            return DTAError(
                .permissionDenied,
                "\(resource.display) signs on ssh.sock only: the terms under ssh: say what it may sign for user "
                    + caller.display)
        }
        return DTAError(
            .permissionDenied,
            "user \(caller.display) may not \(permission.verb) \(resource.display): \(ownership(caller, resource))",
            hint: "an administrator can grant \(permission.rawValue) on it under grants: in dtad.yaml")
    }

    private func ownership(_ caller: Caller, _ resource: Resource) -> String {
        if resource.owner == .host { return "its administrators decide which identities this host trusts" }
        guard resource.owner.uid == caller.uid else { return "it belongs to user \(resource.owner.display)" }
        let now = caller.userName.isEmpty ? "has no name" : "is \(caller.userName)'s"
        return
            "it belongs to user \(resource.owner.name), which had uid \(caller.uid) when it was made; the uid now "
            + "\(now), and a uid that changes hands inherits nothing"
    }

    /// The decision with its reasons, for people.
    package func explain(_ caller: Caller, _ permission: Permission, _ resource: Resource) -> Decision {
        guard permission.applies(to: resource.kind) || permission.isEverybodys else {
            return Decision(
                isAllowed: false,
                reasons: ["\(permission.rawValue) cannot be done with \(resource.display)"])
        }
        var reasons: [String] = []
        if permission.isEverybodys { reasons.append("everybody may \(permission.rawValue)") }
        if resource.owner.isSame(as: caller) {
            reasons.append("\(resource.display) belongs to user \(caller.display)")
        } else {
            reasons.append("not as the owner: \(ownership(caller, resource))")
        }
        if caller.isAdministrator {
            reasons.append(
                permission == .trust
                    ? "root decides which identities this host trusts"
                    : permission.isAdministration
                        ? "root may see and delete everything"
                        : "not as root: administration gives no use of a key or an identity")
        }
        if resource.owner == .agent {
            reasons.append("only the agent uses its own identity; everybody may see it")
        }
        if permission == .sign, isForSSHAlone(resource) {
            reasons.append("\(resource.display) signs on ssh.sock only: it has terms under ssh: in dtad.yaml")
        }
        let covering = resource.owner == .agent ? [] : grants.filter { $0.covers(permission, resource) }
        reasons += covering.map { explain($0, caller) }
        if resource.isImported {
            reasons.append("\(resource.display) was imported: there may be copies of it outside of the HSM")
            reasons += grants.filter { $0.names(permission, resource) && !$0.coversImported }
                .map { "\($0.display) covers no imported keys" }
        }
        if covering.isEmpty { reasons.append("no grant gives \(permission.rawValue) on \(resource.display)") }
        return Decision(isAllowed: allows(caller, permission, resource), reasons: reasons)
    }

    private func explain(_ grant: Grant, _ caller: Caller) -> String {
        let missing = grant.selectors.filter { !$0.matches(caller) }.map(\.text)
        guard missing.isEmpty else {
            return "\(grant.display) does not fit: the caller does not match \(missing.joined(separator: ", "))"
        }
        if !grant.isForAllSockets(.sign) { return "\(grant.display) fits, and holds on ssh.sock only" }
        let caution =
            grant.selectors.contains(where: \.looksAtProgram)
            ? "; selectors of programs only narrow accidents, because a program can connect and then run another" : ""
        return "\(grant.display) fits\(caution)"
    }
}

/// Whether a caller may do something, and why.
package struct Decision: Sendable, Equatable {
    package let isAllowed: Bool
    /// One sentence each.
    package let reasons: [String]

    package init(isAllowed: Bool, reasons: [String]) {
        self.isAllowed = isAllowed
        self.reasons = reasons
    }
}

/// The policy in force, replaced as a whole.
package final class LivePolicy: Sendable {
    private let policy: Locked<Policy>

    package init(_ policy: Policy) { self.policy = Locked(policy) }

    package var current: Policy { policy.withLock { $0 } }

    /// Requests that have begun continue with the old policy.
    package func replace(with new: Policy) { policy.withLock { $0 = new } }
}
