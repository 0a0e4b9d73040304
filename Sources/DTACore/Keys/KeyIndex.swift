import DTASystem

/// All keys by name, in memory: a signature does not touch the database, however many keys there are.
final class KeyIndex: Sendable {
    struct Entry: Sendable {
        let key: KeyRecord
        /// Why the key may not be used although it is known; nil where it may.
        var damage: String?
    }

    private struct State: Sendable {
        var entries: [String: Entry] = [:]
        var counts: [UInt32: Int] = [:]
        /// Names that are being made.
        var reserved: Set<String> = []
    }

    private let state = Locked(State())

    func load(_ keys: [KeyRecord]) {
        state.withLock { state in
            for key in keys {
                state.entries[key.name] = Entry(key: key)
                state.counts[key.owner.uid, default: 0] += 1
            }
        }
    }

    @inline(__always)
    func entry(_ name: String) -> Entry? { state.withLock { $0.entries[name] } }

    var count: Int { state.withLock { $0.entries.count } }

    var all: [KeyRecord] { state.withLock { $0.entries.values.map(\.key) } }

    /// Whether a new key could be made, and if not, why.
    func check(_ name: KeyName, owner: Owner, limit: Int) throws {
        try state.withLock { try KeyIndex.check($0, name, owner, limit) }
    }

    /// Takes a name until `add` or `cancel`, so that of two who ask for it at once one is told at once.
    func reserve(_ name: KeyName, owner: Owner, limit: Int) throws {
        try state.withLock { state in
            try KeyIndex.check(state, name, owner, limit)
            state.reserved.insert(name.text)
            state.counts[owner.uid, default: 0] += 1
        }
    }

    private static func check(_ state: State, _ name: KeyName, _ owner: Owner, _ limit: Int) throws {
        guard state.entries[name.text] == nil, !state.reserved.contains(name.text) else {
            throw DTAError(
                .failedPrecondition, "the name \(quoted(name.text)) is taken: names of keys are unique on this host",
                hint: "choose another name")
        }
        guard state.counts[owner.uid, default: 0] < limit else {
            throw DTAError(
                .resourceExhausted, "user \(owner.display) has \(limit) keys, and that is the limit",
                hint: "delete a key, or ask an administrator to raise limits.keys_per_user in dtad.yaml")
        }
    }

    func cancel(_ name: KeyName, owner: Owner) {
        state.withLock { state in
            state.reserved.remove(name.text)
            KeyIndex.discount(&state, owner)
        }
    }

    func add(_ key: KeyRecord) {
        state.withLock { state in
            state.reserved.remove(key.name)
            state.entries[key.name] = Entry(key: key)
        }
    }

    func remove(_ key: KeyRecord) {
        state.withLock { state in
            guard state.entries.removeValue(forKey: key.name) != nil else { return }
            KeyIndex.discount(&state, key.owner)
        }
    }

    /// Replaces what is known of damage: names that are not among `damages` are sound.
    func mark(_ damages: [String: String]) {
        state.withLock { state in
            for name in Array(state.entries.keys) { state.entries[name]?.damage = damages[name] }
        }
    }

    private static func discount(_ state: inout State, _ owner: Owner) {
        let left = state.counts[owner.uid, default: 0] - 1
        state.counts[owner.uid] = left > 0 ? left : nil
    }
}
