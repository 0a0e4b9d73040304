import DTASystem

/// An item with an owner and a name that is unique on the host.
protocol NamedItem: Sendable {
    static var kind: Resource.Kind { get }
    var name: String { get }
    var owner: Owner { get }
    /// Bytes by which it is found beside its name; empty: none.
    var publicBytes: [UInt8] { get }
    /// Whether it was elsewhere before it came to the token.
    var isImported: Bool { get }
}

extension NamedItem {
    var publicBytes: [UInt8] { [] }
    var isImported: Bool { false }

    var resource: Resource { Resource(Self.kind, name, owner: owner, isImported: isImported) }
}

/// All keys, or all own identities, by name and in memory: finding one does not touch the database, however many there
/// are.
final class NameIndex<Item: NamedItem>: Sendable {
    struct Entry: Sendable {
        let item: Item
        /// Why the item may not be used; nil if it may.
        var damage: String?
    }

    private struct State: Sendable {
        var entries: [String: Entry] = [:]
        var counts = OwnerCounts()
        /// Names by public bytes, which several items may have.
        var names: [[UInt8]: [String]] = [:]
        /// Names of items in the making.
        var reserved: Set<String> = []
    }

    private let state: Locked<State>
    /// How many each user may have.
    private let limit: Int

    init(_ items: [Item], limit: Int) {
        self.limit = limit
        var loaded = State()
        for item in items {
            NameIndex.enter(&loaded, item)
            loaded.counts.add(item.owner)
        }
        state = Locked(loaded)
    }

    @inline(__always)
    func entry(_ name: String) -> Entry? { state.withLock { $0.entries[name] } }

    /// Those with these public bytes.
    func entries(publicBytes: [UInt8]) -> [Entry] {
        state.withLock { state in (state.names[publicBytes] ?? []).compactMap { state.entries[$0] } }
    }

    private static func enter(_ state: inout State, _ item: Item) {
        state.entries[item.name] = Entry(item: item)
        if !item.publicBytes.isEmpty { state.names[item.publicBytes, default: []].append(item.name) }
    }

    var count: Int { state.withLock { $0.entries.count } }

    var all: [Item] { state.withLock { $0.entries.values.map(\.item) } }

    /// Checks whether a new one could be made.
    func check(_ name: String, owner: Owner) throws { try state.withLock { try check($0, name, owner) } }

    /// Takes a name until `add` or `cancel`, so that of two concurrent requests for it the second fails at once.
    func reserve(_ name: String, owner: Owner) throws {
        try state.withLock { state in
            try check(state, name, owner)
            state.reserved.insert(name)
            state.counts.add(owner)
        }
    }

    private func check(_ state: State, _ name: String, _ owner: Owner) throws {
        guard state.entries[name] == nil, !state.reserved.contains(name) else {
            throw DTAError(
                .failedPrecondition,
                "the name \(quoted(name)) is taken: names of \(Item.kind.plural) are unique on this host",
                hint: "choose another name")
        }
        guard owner == .agent || state.counts[owner] < limit else {
            throw DTAError(
                .resourceExhausted, "user \(owner.display) has \(limit) \(Item.kind.plural), and that is the limit",
                hint: "an administrator can raise limits.\(Item.kind.plural)_per_user in dtad.yaml")
        }
    }

    func cancel(_ name: String, owner: Owner) {
        state.withLock { state in
            state.reserved.remove(name)
            state.counts.remove(owner)
        }
    }

    /// Adds an item that was made under a reserved name.
    func add(_ item: Item) {
        state.withLock { state in
            state.reserved.remove(item.name)
            NameIndex.enter(&state, item)
        }
    }

    func remove(_ item: Item) {
        state.withLock { state in
            guard let entry = state.entries.removeValue(forKey: item.name) else { return }
            let left = (state.names[entry.item.publicBytes] ?? []).filter { $0 != item.name }
            state.names[entry.item.publicBytes] = left.isEmpty ? nil : left
            state.counts.remove(item.owner)
        }
    }

    /// Replaces all damage: names that are not in `damages` are sound.
    func mark(_ damages: [String: String]) {
        state.withLock { state in
            for name in Array(state.entries.keys) { state.entries[name]?.damage = damages[name] }
        }
    }
}
