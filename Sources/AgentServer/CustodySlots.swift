import CustodyProtocol

/// A place of a pool, with the process in it.
final class CustodySlot: Sendable {
    let process: any CustodyProcess
    /// Where it runs; nil: anywhere.
    let processor: Int32?

    init(_ process: any CustodyProcess, processor: Int32?) {
        self.process = process
        self.processor = processor
    }
}

/// What a thread remembers between its jobs: the process that it used last. A pair that stays together finds its data
/// in the same core's cache, and wakes each other there.
final class CustodyHabit {
    fileprivate var last: CustodySlot?
    /// The processor that the thread stays on: it prefers the process that is there too.
    fileprivate let processor: Int32?

    init(processor: Int32? = nil) { self.processor = processor }
}

/// Which processes are up, which of them are idle, and what each has yet to forget.
struct CustodySlots {
    private var idle: [CustodySlot] = []
    /// Idle or busy.
    private var live: [ObjectIdentifier: CustodySlot] = [:]
    /// Objects, for processes that were busy when they had to forget them.
    private var forgets: [ObjectIdentifier: [ObjectID]] = [:]

    var all: [CustodySlot] { Array(live.values) }
    var count: Int { live.count }
    var idleCount: Int { idle.count }
    var isEmpty: Bool { live.isEmpty }
    var areBusy: Bool { idle.isEmpty }

    mutating func add(_ slot: CustodySlot) {
        live[ObjectIdentifier(slot)] = slot
        idle.append(slot)
    }

    // MARK: Using

    mutating func takeIdle(_ habit: CustodyHabit) -> CustodySlot? {
        if let processor = habit.processor, let index = idle.firstIndex(where: { $0.processor == processor }) {
            return idle.remove(at: index)
        }
        if let last = habit.last, let index = idle.firstIndex(where: { $0 === last }) {
            return idle.remove(at: index)
        }
        habit.last = idle.popLast()
        return habit.last
    }

    mutating func takeIdle() -> CustodySlot? { idle.popLast() }

    mutating func putBack(_ slot: CustodySlot) { idle.append(slot) }

    // MARK: Losing

    /// Drops one that is broken and not idle.
    mutating func drop(_ slot: CustodySlot) { live[ObjectIdentifier(slot)] = nil }

    /// Drops one that ended by itself.
    /// - Returns: false if it is busy: then the thread that uses it finds that out.
    mutating func dropIdle(_ slot: CustodySlot) -> Bool {
        guard let index = idle.firstIndex(where: { $0 === slot }) else { return false }
        idle.remove(at: index)
        drop(slot)
        return true
    }

    /// - Returns: those that were up.
    mutating func dropAll() -> [CustodySlot] {
        defer { (idle, live) = ([], [:]) }
        return all
    }

    // MARK: Forgetting

    /// Notes for each process that it has to forget an object.
    mutating func note(_ id: ObjectID) { for key in live.keys { forgets[key, default: []].append(id) } }

    /// Takes out what a process has to forget; nil: nothing.
    mutating func takeNotes(of slot: CustodySlot) -> [ObjectID]? { forgets.removeValue(forKey: ObjectIdentifier(slot)) }

    /// Takes an idle process that has to forget something.
    mutating func takeIdleWithNotes() -> CustodySlot? {
        let index = idle.firstIndex { forgets[ObjectIdentifier($0)] != nil }
        return index.map { idle.remove(at: $0) }
    }
}
