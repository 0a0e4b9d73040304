import DTACore
import DTASystem

/// The drafts under way, limited in number and age.
final class DraftTable: Sendable {
    static let perUser = 8
    static let inAll = 64
    static let idleNanoseconds: UInt64 = 3_600_000_000_000

    private struct State: Sendable {
        /// Those that take blocks.
        var open: [String: Draft] = [:]
        /// Those that are being finished: they cannot be found, but count until they are stored or given up.
        var finishing: [String: (owner: Owner, size: Int)] = [:]

        func count(of owner: Owner) -> Int {
            open.values.count { $0.owner == owner } + finishing.values.count { $0.owner == owner }
        }

        var count: Int { open.count + finishing.count }
    }

    private let state = Locked(State())

    /// - Throws: `DTAError.resourceExhausted` if the owner, or all users together, have reached the limit. A user's
    ///   first is always allowed, so that other users together cannot prevent it.
    func checkRoom(for owner: Owner) throws { try state.withLock { try DraftTable.check($0, owner) } }

    func add(_ draft: Draft) throws {
        try state.withLock {
            try DraftTable.check($0, draft.owner)
            $0.open[draft.id] = draft
        }
    }

    private static func check(_ state: State, _ owner: Owner) throws {
        let own = state.count(of: owner)
        guard own == 0 || (own < perUser && state.count < inAll) else {
            throw DTAError(
                .resourceExhausted,
                own < perUser
                    ? "\(inAll) drafts of envelopes are under way on this host, as many as may be"
                    : "user \(owner.display) has \(own) drafts of envelopes under way, as many as a user may",
                hint: "finish or abandon one; who is idle for an hour is dropped")
        }
    }

    /// A draft of the caller.
    /// - Throws: `DTAError.notFound`, also for another user's draft: a caller must not learn about it.
    func find(_ id: String, _ caller: Caller) throws -> Draft {
        try state.withLock { try DraftTable.find($0, id, caller) }
    }

    /// The same, and takes it out of the table: it cannot be found again.
    func take(_ id: String, _ caller: Caller) throws -> Draft {
        try state.withLock { state in
            let draft = try DraftTable.find(state, id, caller)
            state.open[id] = nil
            return draft
        }
    }

    /// The same, to finish it: it counts until `remove`.
    func takeToFinish(_ id: String, _ caller: Caller) throws -> Draft {
        try state.withLock { state in
            let draft = try DraftTable.find(state, id, caller)
            state.open[id] = nil
            state.finishing[id] = (draft.owner, draft.size)
            return draft
        }
    }

    private static func find(_ state: State, _ id: String, _ caller: Caller) throws -> Draft {
        guard let draft = state.open[id], draft.owner.isSame(as: caller) else {
            throw DTAError(
                .notFound, "user \(caller.display) has no such draft of an envelope",
                hint: "drafts end with dtad, after an hour, and when they are finished or abandoned: begin another")
        }
        return draft
    }

    /// Bytes on the disk of an owner's drafts.
    func staged(_ owner: Owner) -> Int {
        let (open, finishing) = state.withLock { state in
            (
                state.open.values.filter { $0.owner == owner },
                state.finishing.values.reduce(0) { $1.owner == owner ? $0 + $1.size : $0 }
            )
        }
        return open.reduce(finishing) { $0 + $1.size }
    }

    /// Ends a draft: it was stored, failed, or was given up. It may be called twice.
    func remove(_ id: String) {
        // The draft is returned, so that its last reference may end outside the lock: its `deinit` calls this again.
        _ = state.withLock { state in
            state.finishing[id] = nil
            return state.open.removeValue(forKey: id)
        }
    }

    /// Takes out the drafts that were not used for an hour.
    func takeIdle() -> [Draft] {
        let now = monotonicNanoseconds()
        guard now > DraftTable.idleNanoseconds else { return [] }
        return state.withLock { state in
            let idle = state.open.values.filter { $0.isIdle(since: now - DraftTable.idleNanoseconds) }
            for draft in idle { state.open[draft.id] = nil }
            return idle
        }
    }

    var count: Int { state.withLock { $0.count } }
}
