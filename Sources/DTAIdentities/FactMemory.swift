import DTACore
import DTAFormats
import DTASystem
import GRDB

/// What the ledger's tables were found to say of identities, kept between requests: most judgements cost no look at the
/// database.
///
/// It holds for one state of those tables. It watches every transaction: from the moment before one that changes them can
/// be seen until that one is over, nothing is answered from here, and then it begins anew. So whoever was told that, say, a
/// revocation is stored finds it respected by the next request. No other process writes to the database: `StateDirectory`
/// sees to that.
final class FactMemory: TransactionObserver, Sendable {
    /// The tables from which `KnownFacts` comes. SQLite tells of changes in tables WITHOUT ROWID nothing, and nothing of what
    /// INSERT OR REPLACE deletes: neither is used for these.
    private static let tables: Set<String> = ["documents", "revocations", "trust"]
    /// Identities that are remembered at most (some hundred bytes each); then all are forgotten.
    private static let limit = 8192

    private struct State: Sendable {
        var facts: [CID: IdentityFacts] = [:]
        /// Counts the states of the tables.
        var epoch: UInt64 = 0
        /// The transaction that is under way has changed something.
        var isDirty = false
        /// It is being committed.
        var isChanging = false
    }

    private let state = Locked(State())

    /// Thrown where a judgement needs what is not remembered.
    struct NotRemembered: Error {}

    /// Judges by what is remembered where that is enough, else in one consistent reading of the database.
    /// - Parameter body: judges; it may run twice, and must pass on what `facts` throws.
    func judge<Result>(_ store: Store, _ body: (_ facts: KnownFacts) throws -> Result) throws -> Result {
        let epoch = state.withLock { $0.isChanging ? nil : $0.epoch }
        if let epoch {
            do { return try judge(at: epoch, body) } catch is NotRemembered {}
        }
        return try store.read { try judge($0, epoch, body) }
    }

    /// The same in a transaction that writes, for which what it did itself counts. Not among savepoints: what is done
    /// there is told late.
    func judge<Result>(in database: Database, _ body: (_ facts: KnownFacts) throws -> Result) throws -> Result {
        // A reader may see an older state than that of this moment.
        let isWriter = !database.configuration.readonly
        let epoch = state.withLock { $0.isDirty || $0.isChanging || !isWriter ? nil : $0.epoch }
        if let epoch {
            do { return try judge(at: epoch, body) } catch is NotRemembered {}
        }
        return try judge(database, epoch, body)
    }

    /// The same without a look at the database.
    /// - Throws: `NotRemembered` where it needs one.
    func judgeByMemory<Result>(_ body: (_ facts: KnownFacts) throws -> Result) throws -> Result {
        guard let epoch = state.withLock({ $0.isChanging ? nil : $0.epoch }) else { throw NotRemembered() }
        return try judge(at: epoch, body)
    }

    private func judge<Result>(at epoch: UInt64, _ body: (KnownFacts) throws -> Result) throws -> Result {
        try body(KnownFacts(remembered: self, epoch: epoch))
    }

    private func judge<Result>(
        _ database: Database, _ epoch: UInt64?, _ body: (KnownFacts) throws -> Result
    ) throws -> Result {
        let facts = KnownFacts(database: database)
        // Also where it ends in a refusal: those are judged as often as anything else.
        defer { if let epoch { remember(facts.found, epoch: epoch) } }
        return try body(facts)
    }

    // MARK: For KnownFacts

    func facts(of cid: CID, epoch: UInt64) throws -> IdentityFacts {
        try state.withLock { state in
            guard state.epoch == epoch, let facts = state.facts[cid] else { throw NotRemembered() }
            return facts
        }
    }

    private func remember(_ found: [CID: IdentityFacts], epoch: UInt64) {
        state.withLock { state in
            // Where it still is the same epoch, no change was to be seen by whoever began to read in it; nor was one made
            // that only the transaction itself sees.
            guard state.epoch == epoch, !state.isDirty else { return }
            if state.facts.count + found.count > FactMemory.limit { state.facts = [:] }
            for (cid, facts) in found.prefix(FactMemory.limit) { state.facts[cid, default: IdentityFacts()].add(facts) }
        }
    }

    // MARK: Watching, by whoever writes

    func observes(eventsOfKind kind: DatabaseEventKind) -> Bool { FactMemory.tables.contains(kind.tableName) }

    func databaseDidChange(with event: DatabaseEvent) { state.withLock { $0.isDirty = true } }

    func databaseWillCommit() {
        state.withLock { state in
            guard state.isDirty else { return }
            state.isChanging = true
            FactMemory.beginAnew(&state)
        }
    }

    func databaseDidCommit(_ database: Database) { endTransaction() }

    func databaseDidRollback(_ database: Database) { endTransaction() }

    private func endTransaction() {
        state.withLock { state in
            guard state.isDirty else { return }
            state.isDirty = false
            state.isChanging = false
            FactMemory.beginAnew(&state)
        }
    }

    private static func beginAnew(_ state: inout State) {
        state.epoch += 1
        state.facts = [:]
    }
}

/// What the tables say of one identity, as far as somebody asked.
struct IdentityFacts: Sendable {
    var successors: [Succession]?
    /// Inside: nil where there is none.
    var predecessor: CID??
    var isRevoked: Bool?
    var isKnown: Bool?
    /// Inside: nil where there is none.
    var trust: TrustRow??

    mutating func add(_ other: IdentityFacts) {
        successors = successors ?? other.successors
        predecessor = predecessor ?? other.predecessor
        isRevoked = isRevoked ?? other.isRevoked
        isKnown = isKnown ?? other.isKnown
        trust = trust ?? other.trust
    }
}
