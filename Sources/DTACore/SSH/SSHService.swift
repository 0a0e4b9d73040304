import CustodyProtocol
import DTABytes
import DTAFormats
import DTASSH
import DTASystem

/// A refusal on ssh.sock: a word for records, and the error.
package struct SSHRefusal: Error {
    package let why: SSHObstacle
    package let error: DTAError

    package init(_ why: SSHObstacle, _ code: ErrorCode = .permissionDenied, _ message: String? = nil) {
        self.why = why
        error = DTAError(code, message ?? why.sentence)
    }
}

/// A key as ssh.sock knows it.
package struct SSHIdentity: Sendable {
    package let key: KeyRecord
    package let blob: [UInt8]
    /// Certificates for it, in the order in which they were added.
    package let certificates: [SSHKey]
    /// Its name; of another user's key, the owner's name before it.
    package let comment: String
    /// Whether the caller can sign with it on ssh.sock only.
    package let isForSSHAlone: Bool
    /// Whether the caller hides it from ssh.sock.
    package let isHidden: Bool
    /// To what its owner constrained it.
    package let destinations: [SSHDestination]
    /// Whether its owner wants its user to be asked before it signs.
    package let confirmation: SSHConfirmation?
    let place: Int64
}

/// Offers users' keys to programs that speak the agent protocol of SSH, and signs with them.
package final class SSHService: Sendable {
    let keys: KeyService
    let policy: LivePolicy
    let table: SSHTable
    private let locking: SSHLocking
    /// What users are asked before keys sign.
    package let confirmations = SSHConfirmations()

    package init(store: Store, keys: KeyService, policy: LivePolicy) throws {
        self.keys = keys
        self.policy = policy
        table = try SSHTable(store)
        locking = SSHLocking(table)
        let confirmed = table.confirmedKeys
        keys.confirmed.withLock { $0 = confirmed }
    }

    var now: UInt64 { UInt64(clamping: unixMicroseconds() / 1_000_000) }

    // MARK: Showing

    /// The keys that a caller may use on a connection, each behind its certificates. If the connection is bound to a
    /// host, these are the keys that can succeed there, those for that very host first, and at most
    /// `ssh.offer_at_most`. None while the caller's lock holds.
    /// - Returns: blobs with comments.
    package func offers(_ caller: Caller, on bindings: SSHBindings) -> [(blob: [UInt8], comment: String)] {
        let now = now
        let most = bindings.wasAttempted ? policy.current.offerAtMost : .max
        return identities(caller, on: bindings).flatMap { identity in
            let certificates = identity.certificates.filter { ($0.certificate?.validBefore ?? 0) > now }
            return (certificates.map(\.blob) + [identity.blob]).map { ($0, identity.comment) }
        }.prefix(most).map { $0 }
    }

    private func identities(_ caller: Caller, on bindings: SSHBindings) -> [SSHIdentity] {
        guard !isLocked(caller) else { return [] }
        let now = now
        let shown = all(caller, on: bindings, now: now).filter { entry in
            !entry.identity.isHidden && isShown(entry.identity, on: bindings, now: now)
        }
        return shown.sorted { SSHService.comesBefore($0, $1) }.map(\.identity)
    }

    /// All keys that a caller may use on ssh.sock, hidden ones too, in their order.
    package func allIdentities(_ caller: Caller) -> [SSHIdentity] {
        all(caller, on: SSHBindings(), now: now).sorted { SSHService.comesBefore($0, $1) }.map(\.identity)
    }

    private typealias Entry = (identity: SSHIdentity, fit: SSHTerms.Fit)

    private static func comesBefore(_ one: Entry, _ other: Entry) -> Bool {
        // What its owner constrained a key to counts as a term that names the host.
        let fits = [one, other].map { $0.identity.destinations.isEmpty ? $0.fit : .named }
        if fits[0] != fits[1] { return fits[0] > fits[1] }
        let (first, second) = (one.identity, other.identity)
        return first.place == second.place ? first.comment < second.comment : first.place < second.place
    }

    private func all(_ caller: Caller, on bindings: SSHBindings, now: UInt64) -> [Entry] {
        let policy = policy.current
        let views = table.views(of: SSHService.user(caller))
        return keys.index.all.compactMap { key -> Entry? in
            guard let blob = key.sshKey?.blob else { return nil }
            let fit = policy.fit(caller, key.resource, on: bindings, now: now)
            // A key whose destinations cannot be read signs nothing.
            guard fit != .none, let destinations = try? table.destinations(of: key.object) else { return nil }
            let view = views[key.object] ?? SSHTable.View()
            let confirmation = table.confirmation(of: key.object)
            let identity = SSHIdentity(
                key: key, blob: blob, certificates: table.certificates(of: key.object),
                comment: key.owner.isSame(as: caller) ? key.name : "\(key.owner.name)/\(key.name)",
                isForSSHAlone: confirmation != nil || !policy.allows(caller, .sign, key.resource),
                isHidden: view.isHidden, destinations: destinations, confirmation: confirmation, place: view.place)
            return (identity, fit)
        }
    }

    private func isShown(_ identity: SSHIdentity, on bindings: SSHBindings, now: UInt64) -> Bool {
        identity.destinations.isEmpty
            || SSHDestinationRules.obstacle(toShow: identity.destinations, on: bindings, now: now) == nil
    }

    // MARK: Signing

    /// The key that a caller means. Of several users' keys with the same public half, the one that the caller may use.
    /// - Throws: `SSHRefusal`.
    package func key(_ caller: Caller, _ wanted: SSHKey) throws -> KeyRecord {
        guard let bytes = wanted.plain.publicBytes else { throw SSHRefusal(.noSuchKey, .notFound) }
        let found = keys.index.entries(publicBytes: bytes).map(\.item).filter { $0.sshKey == wanted.plain }
        let policy = policy.current
        guard let key = found.first(where: { !policy.grounds(caller, $0.resource).isEmpty }) ?? found.first else {
            throw SSHRefusal(.noSuchKey, .notFound)
        }
        return key
    }

    /// Signs on a connection.
    /// - Parameters:
    ///   - data: what is signed.
    ///   - content: the same, as it was read.
    ///   - flags: of the request; they choose the hash of RSA signatures.
    /// - Throws: `SSHRefusal`, and `DTAError` if the key is out of use.
    package func sign(
        _ caller: Caller, with key: KeyRecord, data: [UInt8], _ content: SSHSignedData, flags: UInt32,
        on bindings: SSHBindings
    ) throws -> CustodyStep<SSHSignature> {
        guard let sshKey = key.sshKey, let algorithm = key.type.algorithm else {
            throw SSHRefusal(.noSuchKey, .notFound)
        }
        if let why = try obstacle(caller, key, content, on: bindings) { throw SSHRefusal(why) }
        guard let name = sshKey.signatureName(flags) else { throw SSHRefusal(.sha1) }
        try keys.requireSound(key)
        let raw = SSHService.signature(of: data, by: key, algorithm, name: name)
        return { custodian in
            let raw = try raw(custodian)
            do {
                return try SSHSignature(raw: raw, by: sshKey, name: name)
            } catch {
                throw DTAError(.internal, "the HSM answered something that is no signature: \(error)")
            }
        }
    }

    /// - Parameter name: what the signature is called; for RSA keys it names the hash (RFC 8332 §3).
    private static func signature(
        of data: [UInt8], by key: KeyRecord, _ algorithm: PublicKey.Algorithm, name: String
    ) -> CustodyStep<[UInt8]> {
        let object = key.object
        if algorithm.isRSA {
            let scheme: RSAScheme = name == "rsa-sha2-256" ? .pkcs1SHA256 : .pkcs1SHA512
            let digest = scheme.digest(of: data)
            return { try $0.ask(SignRSA(id: object, scheme: scheme, digest: digest)) }
        }
        let input = PublicKey.input(for: data, algorithm: algorithm)
        return { try $0.ask(Sign(id: object, input: input)) }
    }

    private func obstacle(
        _ caller: Caller, _ key: KeyRecord, _ content: SSHSignedData, on bindings: SSHBindings
    ) throws -> SSHObstacle? {
        let now = now
        if isLocked(caller) { return .locked }
        if let why = policy.current.obstacle(caller, content, with: key.resource, on: bindings, now: now) {
            return why
        }
        if table.views(of: SSHService.user(caller))[key.object]?.isHidden == true { return .hidden }
        let destinations = try table.destinations(of: key.object)
        guard !destinations.isEmpty else { return nil }
        var login: SSHLogin?
        if case .login(let read) = content { login = read }
        return SSHDestinationRules.obstacle(toSign: login, with: destinations, on: bindings, now: now)
    }

    // MARK: What users decide

    private static func user(_ caller: Caller) -> Owner { Owner(uid: caller.uid, name: caller.userName) }

    private func isLocked(_ caller: Caller) -> Bool { locking.isLocked(SSHService.user(caller)) }

    /// Whether a caller locked ssh.sock.
    package func hasLock(_ caller: Caller) -> Bool { isLocked(caller) }

    /// Refuses what a remote host must not do.
    private func refuseForwarded(_ bindings: SSHBindings) throws {
        if bindings.areForwarded { throw SSHRefusal(.forwarded) }
    }

    /// Locks ssh.sock for all programs of the caller. It takes long.
    package func lock(_ caller: Caller, _ passphrase: SecretReference, on bindings: SSHBindings) throws {
        try refuseForwarded(bindings)
        try locking.lock(try Owner(of: caller), passphrase)
    }

    /// Unlocks it; all keys are shown again. It takes long.
    package func unlock(_ caller: Caller, _ passphrase: SecretReference, on bindings: SSHBindings) throws {
        try refuseForwarded(bindings)
        try locking.unlock(try Owner(of: caller), passphrase, now: Int64(clamping: now))
    }

    /// Hides a key from the caller's programs on ssh.sock, until it is shown again. It destroys nothing.
    package func hide(_ caller: Caller, _ key: KeyRecord, on bindings: SSHBindings) throws {
        try refuseForwarded(bindings)
        guard !isLocked(caller) else { throw SSHRefusal(.locked) }
        guard allIdentities(caller).contains(where: { $0.key === key && !$0.isHidden }) else {
            throw SSHRefusal(.noSuchKey, .notFound)
        }
        try change(caller, [key]) { $0.isHidden = true }
    }

    /// Hides all of them.
    package func hideAll(_ caller: Caller, on bindings: SSHBindings) throws {
        try refuseForwarded(bindings)
        guard !isLocked(caller) else { throw SSHRefusal(.locked) }
        try change(caller, allIdentities(caller).map(\.key)) { $0.isHidden = true }
    }

    /// Shows or hides a key on ssh.sock, or gives it another place there, for the caller.
    /// - Parameter decision: `show`, `hide`, `first` or `last`.
    package func arrange(_ caller: Caller, name: String, decision: String) throws -> SSHIdentity {
        let all = allIdentities(caller)
        guard let found = all.first(where: { $0.key.name == name }) else {
            throw DTAError(.notFound, "there is no key \(quoted(name)) for ssh.sock that you may use", helps: .listKeys)
        }
        switch decision {
        case "show": try change(caller, [found.key]) { $0.isHidden = false }
        case "hide": try change(caller, [found.key]) { $0.isHidden = true }
        case "first":
            let least = all.map(\.place).min() ?? 0
            try change(caller, [found.key]) { $0 = SSHTable.View(place: least &- 1) }
        case "last":
            let most = all.map(\.place).max() ?? 0
            try change(caller, [found.key]) { $0 = SSHTable.View(place: most &+ 1) }
        default:
            throw DTAError(.invalidArgument, "a key is shown, hidden, or comes first or last: show, hide, first, last")
        }
        return allIdentities(caller).first { $0.key === found.key } ?? found
    }

    private func change(_ caller: Caller, _ keys: [KeyRecord], _ body: (inout SSHTable.View) -> Void) throws {
        let user = try Owner(of: caller)
        let before = table.views(of: user)
        var changes: [ObjectID: SSHTable.View] = [:]
        for key in keys {
            var view = before[key.object] ?? SSHTable.View()
            body(&view)
            changes[key.object] = view
        }
        try table.setViews(of: user, changes)
    }

    /// To what a key is constrained by its owner.
    package func destinations(of name: String) throws -> [SSHDestination] {
        guard let key = keys.index.entry(name)?.item else { return [] }
        return try table.destinations(of: key.object)
    }

    /// Constrains an own key to destinations; none: it is no longer constrained.
    /// - Parameter encoded: as `SSHDestination.encode` writes them.
    package func constrain(_ caller: Caller, name: String, encoded: [UInt8]) throws -> SSHIdentity {
        let key = try own(caller, name, to: "constrain")
        let destinations: [SSHDestination]
        do {
            destinations = try SSHDestination.decode(encoded)
        } catch {
            throw DTAError(.invalidArgument, "the destinations cannot be read: \(error.reason)")
        }
        try table.setDestinations(of: key.object, destinations)
        return try identity(caller, of: key)
    }

    /// A key of the caller's own that ssh knows.
    /// - Parameter act: the verb for a refusal.
    func own(_ caller: Caller, _ name: String, to act: String) throws -> KeyRecord {
        let key = try keys.show(caller, name: name)
        guard key.owner.isSame(as: caller) else {
            throw DTAError(
                .permissionDenied,
                "user \(caller.display) may not \(act) key \(quoted(name)): it belongs to user \(key.owner.display)")
        }
        guard key.sshKey != nil else {
            throw DTAError(.invalidArgument, "key \(quoted(name)) is of type \(key.type.name), which ssh does not know")
        }
        return key
    }

    func identity(_ caller: Caller, of key: KeyRecord) throws -> SSHIdentity {
        guard let identity = allIdentities(caller).first(where: { $0.key === key }) else {
            throw DTAError(.failedPrecondition, "key \(quoted(key.name)) cannot be used on ssh.sock")
        }
        return identity
    }
}

extension KeyService {
    /// - Throws: `DTAError.dataLoss` if the key is out of use.
    func requireSound(_ key: KeyRecord) throws {
        if let damage = index.entry(key.name)?.damage { throw damaged(key, damage) }
    }
}

extension SSHPublicKey {
    /// The algorithm that a request's flags choose; nil if that is ssh-rsa, which is SHA-1.
    func signatureName(_ flags: UInt32) -> String? {
        guard case .rsa = self else { return typeName }
        if flags & SSHAgentRequest.rsaSHA512 != 0 { return "rsa-sha2-512" }
        return flags & SSHAgentRequest.rsaSHA256 != 0 ? "rsa-sha2-256" : nil
    }
}
