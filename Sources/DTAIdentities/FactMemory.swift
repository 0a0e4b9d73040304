import DTACore
import DTAFormats
import DTASystem
import GRDB

/// What the ledger's tables say about identities, kept between requests, so that most judgements do not read the
/// database.
///
/// It is valid for one state of those tables. It watches every transaction: from just before a change of the tables
/// becomes visible until the transaction is over, it answers nothing, and then it starts empty. So once a client knows
/// that, say, a revocation is stored, the next request respects it. No other process writes to the database:
/// `StateDirectory` ensures that.
final class FactMemory: TransactionObserver, Sendable {
    /// The tables from which `KnownFacts` comes. SQLite reports no changes in tables WITHOUT ROWID, and no rows that
    /// INSERT OR REPLACE deletes: neither is used for these tables.
    private static let tables: Set<String> = ["documents", "revocations", "trust"]
    /// The most identities that are remembered (some hundred bytes each); beyond that, all are forgotten.
    private static let limit = 8192

    private struct State: Sendable {
        var facts: [CID: IdentityFacts] = [:]
        /// Counts the states of the tables.
        var epoch: UInt64 = 0
        /// The current transaction has changed something.
        var isDirty = false
        /// That transaction is being committed.
        var isChanging = false
    }

    private let state = Locked(State())

    /// Thrown if a judgement needs a fact that is not remembered.
    struct NotRemembered: Error {}

    /// Judges from memory if that is enough, otherwise in one consistent read of the database.
    /// - Parameter body: judges; it may run twice, and must pass on what `facts` throws.
    func withFacts<Result>(_ store: Store, _ body: (_ facts: KnownFacts) throws -> Result) throws -> Result {
        let epoch = state.withLock { $0.isChanging ? nil : $0.epoch }
        if let epoch {
            do { return try withFacts(at: epoch, body) } catch is NotRemembered {}
        }
        return try store.read { try withFacts($0, epoch, body) }
    }

    /// The same in a writing transaction, whose own changes count. Not within savepoints: their changes are reported
    /// late.
    func withFacts<Result>(in database: Database, _ body: (_ facts: KnownFacts) throws -> Result) throws -> Result {
        // A reader may see an older state than the present one.
        let isWriter = !database.configuration.readonly
        let epoch = state.withLock { $0.isDirty || $0.isChanging || !isWriter ? nil : $0.epoch }
        if let epoch {
            do { return try withFacts(at: epoch, body) } catch is NotRemembered {}
        }
        return try withFacts(database, epoch, body)
    }

    /// The same without reading the database.
    /// - Throws: `NotRemembered` if it needs to.
    func withRememberedFacts<Result>(_ body: (_ facts: KnownFacts) throws -> Result) throws -> Result {
        guard let epoch = state.withLock({ $0.isChanging ? nil : $0.epoch }) else { throw NotRemembered() }
        return try withFacts(at: epoch, body)
    }

    private func withFacts<Result>(at epoch: UInt64, _ body: (KnownFacts) throws -> Result) throws -> Result {
        try body(KnownFacts(remembered: self, epoch: epoch))
    }

    private func withFacts<Result>(
        _ database: Database, _ epoch: UInt64?, _ body: (KnownFacts) throws -> Result
    ) throws -> Result {
        let facts = KnownFacts(database: database)
        // Also after a refusal: refusals are judged as often as anything else.
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
            // In the same epoch, the reader cannot have seen a later state of the tables. If the transaction is dirty, it
            // may have read its own changes, which no other reader sees yet.
            guard state.epoch == epoch, !state.isDirty else { return }
            if state.facts.count + found.count > FactMemory.limit { state.facts = [:] }
            for (cid, facts) in found.prefix(FactMemory.limit) { state.facts[cid, default: IdentityFacts()].add(facts) }
        }
    }

    // MARK: Watching writers

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

/// What the tables say about one identity, as far as it was asked.
struct IdentityFacts: Sendable {
    var successors: [Succession]?
    /// The inner value is nil if there is none.
    var predecessor: CID??
    var isRevoked: Bool?
    var isKnown: Bool?
    /// The inner value is nil if there is none.
    var trust: TrustRow??

    mutating func add(_ other: IdentityFacts) {
        successors = successors ?? other.successors
        predecessor = predecessor ?? other.predecessor
        isRevoked = isRevoked ?? other.isRevoked
        isKnown = isKnown ?? other.isKnown
        trust = trust ?? other.trust
    }
}
