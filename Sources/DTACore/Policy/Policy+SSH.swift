import DTAConfiguration
import DTASSH
import DTASystem

/// The terms of a key, by patterns of names.
struct SSHKeyTerms: Sendable {
    let keys: [Glob]
    let terms: SSHTerms
    let line: Int

    init(_ entry: Configuration.SSH.KeyTerms, _ hosts: SSHHosts) throws {
        line = entry.line
        do {
            keys = try entry.keys.map(Glob.init)
            terms = try SSHTerms(entry.terms, hosts)
        } catch let error as DTAError {
            throw DTAError(error.code, "ssh.keys, line \(line): \(error.message)", hint: error.hint)
        }
    }

    func covers(_ name: String) -> Bool { keys.contains { $0.matches(name) } }
}

/// What may be signed on ssh.sock.
extension Policy {
    /// Whether terms make a key one that signs on ssh.sock alone.
    @inline(__always)
    func isForSSHAlone(_ resource: Resource) -> Bool {
        !sshKeys.isEmpty && sshKeys.contains { $0.covers(resource.name) }
    }

    private func terms(of resource: Resource) -> [SSHTerms] {
        sshKeys.filter { $0.covers(resource.name) }.map(\.terms)
    }

    /// Whether the key is a host's, and so signs nothing but exchange hashes.
    private func isHostKey(_ resource: Resource) -> Bool {
        sshKeys.contains { $0.terms.isHostKey && $0.covers(resource.name) }
            || grants.contains { $0.ssh?.isHostKey == true && $0.covers(.sign, resource) }
    }

    /// On what ground a caller may use a key there: as its owner or by a grant without terms (nil), or by a grant's terms.
    func grounds(_ caller: Caller, _ resource: Resource) -> [SSHTerms?] {
        // No grant covers the agent's own keys.
        guard resource.owner != .agent else { return [] }
        let own: [SSHTerms?] = resource.owner.isSame(as: caller) ? [nil] : []
        return own + grants.filter { $0.covers(.sign, resource) && $0.matches(caller) }.map(\.ssh)
    }

    /// Whether a caller may have something signed on ssh.sock.
    ///
    /// One ground is enough. A ground with terms must allow it, and so must the key's terms, if it has any. Without any
    /// terms, the standard ones hold.
    /// - Parameter now: Unix seconds.
    /// - Returns: why not; nil: they may.
    func obstacle(
        _ caller: Caller, _ data: SSHSignedData, with resource: Resource, on bindings: SSHBindings, now: UInt64
    ) -> SSHObstacle? {
        let grounds = grounds(caller, resource)
        guard !grounds.isEmpty else { return .notPermitted }
        if isHostKey(resource), data != .exchangeHash { return .hostKeyOnly }
        let own = terms(of: resource)
        var first: SSHObstacle?
        for ground in grounds {
            guard let obstacle = obstacle(data, ground, own, on: bindings, now: now) else { return nil }
            first = first ?? obstacle
        }
        return first
    }

    private func obstacle(
        _ data: SSHSignedData, _ ground: SSHTerms?, _ own: [SSHTerms], on bindings: SSHBindings, now: UInt64
    ) -> SSHObstacle? {
        if let ground, let obstacle = ground.obstacle(data, on: bindings, now: now) { return obstacle }
        let needed = own.isEmpty ? (ground == nil ? [SSHTerms.standard] : []) : own
        let obstacles = needed.map { $0.obstacle(data, on: bindings, now: now) }
        return obstacles.contains { $0 == nil } ? nil : obstacles.first ?? nil
    }

    /// Whether the user is asked before something is signed that is allowed: as the strictest of the terms that allow it
    /// says.
    func confirmation(
        _ caller: Caller, _ data: SSHSignedData, with resource: Resource, on bindings: SSHBindings, now: UInt64
    ) -> SSHConfirmation? {
        guard asksUsers else { return nil }
        let allowing = (grounds(caller, resource).compactMap { $0 } + terms(of: resource)).filter {
            $0.confirm != nil && $0.obstacle(data, on: bindings, now: now) == nil
        }
        return allowing.contains { $0.confirm == .each } ? .each : allowing.first?.confirm
    }

    /// How well a key fits the host that a connection is bound to; `none` if the caller may not use it.
    func fit(_ caller: Caller, _ resource: Resource, on bindings: SSHBindings, now: UInt64) -> SSHTerms.Fit {
        let own = terms(of: resource).map { $0.fit(on: bindings, now: now) }.max()
        let fits = grounds(caller, resource).map { ground in
            let fit = (ground ?? .standard).fit(on: bindings, now: now)
            // A ground without terms leaves it to the key's terms.
            guard let own else { return fit }
            return ground == nil ? own : fit == .none || own == .none ? .none : max(fit, own)
        }
        return fits.max() ?? .none
    }

    // MARK: Explaining

    /// Whether a caller may log in as `user` at a host with a key, from here, and why.
    /// - Parameters:
    ///   - destinations: what the key itself is constrained to.
    ///   - asksFirst: whether its owner wants its user to be asked.
    package func explain(
        _ caller: Caller, loginAs user: String, at host: String, with resource: Resource,
        destinations: [SSHDestination], asksFirst: Bool = false
    ) -> Decision {
        var reasons: [String] = []
        let login = "log in as \(quoted(user)) at \(quoted(host))"
        let isOwner = resource.owner.isSame(as: caller)
        reasons.append(
            isOwner
                ? "\(resource.display) belongs to user \(caller.display)"
                : "\(resource.display) belongs to user \(resource.owner.display)")
        var allows = isOwner
        var asksFirst = asksFirst
        for grant in grants where resource.owner != .agent && grant.covers(.sign, resource) {
            guard grant.matches(caller) else {
                reasons.append("\(grant.display) does not fit the caller")
                continue
            }
            let fits = grant.ssh?.letsLogIn(user, at: host) ?? true
            reasons.append("\(grant.display) \(fits ? "lets them" : "has terms that do not let them") \(login)")
            allows = allows || fits
            asksFirst = asksFirst || (fits && grant.ssh?.confirm != nil)
        }
        if !isOwner && !allows { reasons.append("no grant lets them \(login)") }
        if isHostKey(resource) {
            reasons.append("\(resource.display) is a host's key, and signs exchange hashes only")
            allows = false
        }
        let own = sshKeys.filter { $0.covers(resource.name) }
        if !own.isEmpty {
            for entry in own {
                let fits = entry.terms.letsLogIn(user, at: host)
                reasons.append(
                    "the terms of the key at line \(entry.line) \(fits ? "allow to" : "do not allow to") \(login)")
            }
            asksFirst = asksFirst || own.contains { $0.terms.confirm != nil && $0.terms.letsLogIn(user, at: host) }
            allows = allows && own.contains { $0.terms.letsLogIn(user, at: host) }
        }
        if !destinations.isEmpty {
            let fits = destinations.contains { $0.names(user, at: host) }
            reasons.append("the destinations that the key is constrained to \(fits ? "have" : "lack") this one")
            allows = allows && fits
        }
        if allows {
            if asksFirst {
                reasons.append("the user is asked before each log-in, or before the first one of a session")
            }
            reasons.append(
                "this is about a log-in from here: the host is known by its key when the connection is bound")
        }
        return Decision(isAllowed: allows, reasons: reasons)
    }
}
