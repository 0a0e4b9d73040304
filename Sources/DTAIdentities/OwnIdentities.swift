import DTACore
import DTAFormats
import DTASystem

/// The identities with private keys on this host, in memory, and all names of identities on this host: finding one does
/// not touch the database. Own names and aliases share one name space, so that neither can pose as the other.
package final class OwnIdentities: Sendable {
    private struct State: Sendable {
        var records: [CID: IdentityRecord] = [:]
        /// The identities that had a name, the oldest first: the last one is current.
        var lines: [String: [CID]] = [:]
        var aliases: [String: CID] = [:]
        /// Why an identity may not be used although it is known.
        var damages: [CID: String] = [:]
        var counts = OwnerCounts()
        /// Names of identities in the making.
        var reserved: Set<String> = []
    }

    private let state: Locked<State>
    /// How many each user may have, replaced ones included: their keys take room on the token.
    private let limit: Int

    /// - Parameter records: the oldest first.
    init(_ records: [IdentityRecord], aliases: [String: CID], limit: Int) {
        self.limit = limit
        var loaded = State()
        loaded.aliases = aliases
        for record in records { OwnIdentities.put(record, &loaded) }
        state = Locked(loaded)
    }

    private static func put(_ record: IdentityRecord, _ state: inout State) {
        state.records[record.cid] = record
        state.lines[record.name, default: []].append(record.cid)
        state.counts.add(record.owner)
    }

    // MARK: Finding

    func record(_ cid: CID) -> IdentityRecord? { state.withLock { $0.records[cid] } }

    /// The current identity of a name.
    func newest(_ name: String) -> IdentityRecord? {
        state.withLock { state in state.lines[name]?.last.flatMap { state.records[$0] } }
    }

    /// All identities that have or had a name, the newest first.
    func line(_ name: String) -> [IdentityRecord] {
        state.withLock { state in (state.lines[name] ?? []).reversed().compactMap { state.records[$0] } }
    }

    func alias(_ name: String) -> CID? { state.withLock { $0.aliases[name] } }

    package func damage(_ cid: CID) -> String? { state.withLock { $0.damages[cid] } }

    package var all: [IdentityRecord] { state.withLock { Array($0.records.values) } }

    /// The current identities of all names.
    package var allNewest: [IdentityRecord] {
        state.withLock { state in state.lines.values.compactMap { $0.last.flatMap { state.records[$0] } } }
    }

    /// How many names there are.
    var count: Int { state.withLock { $0.lines.count } }

    // MARK: Making

    /// Checks whether a new one could be made.
    /// - Parameter continuing: true for the line that has this name already, false for a new one.
    func check(_ name: String, owner: Owner, continuing: Bool = false) throws {
        try state.withLock { try check($0, name, owner, continuing) }
    }

    /// Takes a name until `add` or `cancel`, so that of two concurrent requests for it the second fails at once.
    func reserve(_ name: String, owner: Owner, continuing: Bool = false) throws {
        try state.withLock { state in
            try check(state, name, owner, continuing)
            state.reserved.insert(name)
            state.counts.add(owner)
        }
    }

    private func check(_ state: State, _ name: String, _ owner: Owner, _ continuing: Bool) throws {
        if continuing {
            guard !state.reserved.contains(name) else {
                throw DTAError(
                    .failedPrecondition, "the identity \(quoted(name)) is being replaced already",
                    hint: "wait until that is done")
            }
        } else {
            try checkFree(state, name)
        }
        guard owner == .agent || state.counts[owner] < limit else {
            throw DTAError(
                .resourceExhausted,
                "user \(owner.display) has \(limit) identities, those that were replaced among them, and that is the "
                    + "limit",
                hint: "an administrator can raise limits.identities_per_user in dtad.yaml")
        }
    }

    private func checkFree(_ state: State, _ name: String) throws {
        if let cid = state.aliases[name] {
            throw DTAError(
                .failedPrecondition, "the name \(quoted(name)) is taken: it is what this host calls \(cid)",
                hint: "choose another name")
        }
        guard state.lines[name] == nil, !state.reserved.contains(name) else {
            throw DTAError(
                .failedPrecondition,
                "the name \(quoted(name)) is taken: names of identities are unique on this host",
                hint: "choose another name")
        }
    }

    /// - Parameter owner: as it was reserved.
    func cancel(_ name: String, owner: Owner) {
        state.withLock { state in
            state.reserved.remove(name)
            state.counts.remove(owner)
        }
    }

    /// Adds an identity that was made under a reserved name.
    func add(_ record: IdentityRecord) {
        state.withLock { state in
            state.reserved.remove(record.name)
            // It was counted already when its name was reserved.
            state.counts.remove(record.owner)
            OwnIdentities.put(record, &state)
        }
    }

    /// Replaces all damage: identities that are not in `damages` are sound.
    func mark(_ damages: [CID: String]) { state.withLock { $0.damages = damages } }

    // MARK: Aliases

    /// Reserves an alias for an identity while `store` makes it durable.
    func setAlias(_ name: String, to cid: CID, store: () throws -> Void) throws {
        try state.withLock { state in
            guard state.aliases[name] != cid else { return }
            try checkFree(state, name)
            state.reserved.insert(name)
        }
        do {
            try store()
        } catch {
            state.withLock { _ = $0.reserved.remove(name) }
            throw error
        }
        state.withLock { state in
            state.reserved.remove(name)
            // An identity has one alias.
            state.aliases = state.aliases.filter { $0.value != cid }
            state.aliases[name] = cid
        }
    }

    func removeAlias(of cid: CID) {
        state.withLock { state in state.aliases = state.aliases.filter { $0.value != cid } }
    }
}
