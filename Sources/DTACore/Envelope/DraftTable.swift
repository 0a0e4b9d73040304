import DTASystem

/// The drafts that are under way, bounded in number and age.
final class DraftTable: Sendable {
    static let perUser = 8
    static let inAll = 64
    static let idleNanoseconds: UInt64 = 3_600_000_000_000

    private let drafts = Locked<[String: Draft]>([:])

    /// - Throws: `DTAError.resourceExhausted` where the owner, or all together, have as many as may be.
    func checkRoom(for owner: Owner) throws { try drafts.withLock { try DraftTable.check($0, owner) } }

    func add(_ draft: Draft) throws {
        try drafts.withLock {
            try DraftTable.check($0, draft.owner)
            $0[draft.id] = draft
        }
    }

    private static func check(_ drafts: [String: Draft], _ owner: Owner) throws {
        let own = drafts.values.count { $0.owner == owner }
        guard own < perUser, drafts.count < inAll else {
            throw DTAError(
                .resourceExhausted,
                own < perUser
                    ? "\(inAll) drafts of envelopes are under way on this host, as many as may be"
                    : "user \(owner.display) has \(own) drafts of envelopes under way, as many as a user may",
                hint: "finish or abandon one; who is idle for an hour is dropped")
        }
    }

    /// A draft of the caller's.
    /// - Throws: `DTAError.notFound`, also for another's: what it does not own, it does not get to know.
    func find(_ id: String, _ caller: Caller) throws -> Draft {
        try drafts.withLock { try DraftTable.find($0, id, caller) }
    }

    /// The same, and takes it out of the table: nobody finds it again.
    func take(_ id: String, _ caller: Caller) throws -> Draft {
        try drafts.withLock { drafts in
            let draft = try DraftTable.find(drafts, id, caller)
            drafts[id] = nil
            return draft
        }
    }

    private static func find(_ drafts: [String: Draft], _ id: String, _ caller: Caller) throws -> Draft {
        guard let draft = drafts[id], draft.owner.isSame(as: caller) else {
            throw DTAError(
                .notFound, "user \(caller.display) has no such draft of an envelope",
                hint: "drafts end with dtad, after an hour, and when they are finished or abandoned: begin another")
        }
        return draft
    }

    /// Bytes that the drafts of an owner have on the disk.
    func staged(_ owner: Owner) -> Int {
        drafts.withLock { $0.values.filter { $0.owner == owner } }.reduce(0) { $0 + $1.size }
    }

    func remove(_ draft: Draft) { drafts.withLock { _ = $0.removeValue(forKey: draft.id) } }

    /// Takes out those that nobody has used for an hour.
    func takeIdle() -> [Draft] {
        let now = monotonicNanoseconds()
        guard now > DraftTable.idleNanoseconds else { return [] }
        return drafts.withLock { drafts in
            let idle = drafts.values.filter { $0.isIdle(since: now - DraftTable.idleNanoseconds) }
            for draft in idle { drafts[draft.id] = nil }
            return idle
        }
    }

    var count: Int { drafts.withLock { $0.count } }
}
