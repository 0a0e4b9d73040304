import CustodyProtocol
import DTACore
import DTAFormats
import DTAIdentities
import DTALedger
import DTASystem
import Foundation
import GRDB

/// What a release is judged by.
struct ReleaseEvidence {
    /// No more than the terms ask for.
    let approvals: [SignedApproval]
    /// The documents of the lines of all who act, and of those approvers.
    let documents: [SignedBlock]
    /// Unix seconds: when the redemption came.
    let received: Int64

    var known: KnownDocuments { KnownDocuments(blocks: documents.map(\.bytes)) }
}

/// The documents by which dtad-hsm judges identities. It takes 512 KiB of them, and lines can be long. So it gets only
/// the documents that decide, and only as many approvals as are needed: those of the approvers with the shortest lines.
struct OrderEvidence: Sendable {
    let book: OrderBook
    let clock: WallClock

    private var blocks: BlockStore { book.blocks }
    private var store: Store { book.store }

    /// Documents by their CIDs.
    private typealias Documents = [CID: [UInt8]]

    /// The documents by which some identities are judged.
    /// - Throws: if they exceed what dtad-hsm takes.
    func documents(of identities: [CID]) throws -> [SignedBlock] {
        let lines = try identities.map { ($0, try documents(of: $0)) }
        return try bounded(lines)
    }

    /// What an open redemption is judged by.
    /// - Throws: if approvals are missing, with the judge's sentence.
    func release(
        for signed: SignedEnvelope, _ redemption: OrderRedemption, of order: Order, _ record: OrderRecord,
        openedBy own: CID, signedBy actor: CID
    ) throws -> ReleaseEvidence {
        let parties = [own, actor, signed.envelope.header.from, record.terms.fiduciary, record.terms.recipient]
        let needed = try parties.map { ($0, try documents(of: $0, namedAmong: order.terms.redeemers)) }
        let now = clock.now
        let received = try store.read { try OrderPartTable.find(signed.cid, in: $0)?.received } ?? now
        guard order.terms.approvals > 0 else {
            return ReleaseEvidence(approvals: [], documents: try bounded(needed), received: received)
        }
        let base = merged(needed)
        let given = try book.approvals(of: signed.cid).map { approval in
            (approval, try documents(of: approval.approval.by, namedAmong: order.terms.approvers))
        }
        let all = given.reduce(base) { $0.merging($1.1) { first, _ in first } }
        let judge = OrderJudge(
            order, cid: record.cid, thread: record.reference.thread, known: KnownDocuments(blocks: Array(all.values)))
        let count = try judging(record) {
            let redeemer = try judge.redeemer(of: signed, redemption, fiduciary: own)
            let count = try judge.count(
                given.map(\.0), of: signed.cid, use: redemption.use, redeemer: redeemer.cid, now: now)
            guard count.missing == 0 else { throw OrderObjection(.approvalsMissing, count.sentence) }
            return count
        }
        // Only one approval of each approver who agreed counts.
        let agreed = Dictionary(count.agreed.map { ($0.approval.by, $0) }, uniquingKeysWith: { first, _ in first })
        let weighed = given.filter { agreed[$0.0.approval.by] == $0.0 }.map { approval, line in
            (approval, line, size(line.filter { base[$0.key] == nil }))
        }
        let chosen = weighed.sorted { ($0.2, $0.0.approval.by) < ($1.2, $1.0.approval.by) }
            .prefix(order.terms.approvals)
        return ReleaseEvidence(
            approvals: chosen.map(\.0), documents: try bounded(needed + chosen.map { ($0.0.approval.by, $0.1) }),
            received: received)
    }

    /// Translates the judge's objections into errors.
    func judging<Result>(_ record: OrderRecord, _ body: () throws -> Result) throws -> Result {
        do { return try body() } catch let objection as OrderObjection {
            throw DTAError(.failedPrecondition, "order \(record.reference) is not released: \(objection.reason)")
        }
    }

    // MARK: Lines

    /// For an identity, and for the identity that is believed to be the newest of its line: itself and its ancestors,
    /// the claims that decide at each of them who follows, and one revocation of each that has one. Claims that decide
    /// nothing are left out: a thief could make a thousand.
    /// - Parameter named: some parties; one whose newest this identity is without descending from it is looked at as
    ///   well.
    private func documents(of cid: CID, namedAmong named: [CID] = []) throws -> Documents {
        _ = try blocks.document(cid)
        let wanted = try store.read { database -> Set<CID> in
            let facts = KnownFacts(database: database)
            let judge = IdentityJudge(facts)
            var wanted: Set<CID> = []
            let lineage = try judge.lineage(of: cid)
            let elsewhere = try named.filter { name in
                try name != cid && !lineage.contains(name) && judge.newest(of: name).cid == cid
            }
            for end in [try judge.newest(of: cid).cid, cid] + elsewhere {
                for member in [end] + (try judge.ancestors(of: end)) {
                    wanted.insert(member)
                    let claims = try facts.successors(of: member)
                    let recovered = claims.filter { $0.authority == .recovery }
                    // Two that contradict each other are enough to show that none is believed.
                    wanted.formUnion((recovered.isEmpty ? claims : recovered).prefix(2).map(\.successor))
                }
            }
            for member in wanted {
                let revocation = try Data.fetchOne(
                    database,
                    sql: """
                        SELECT cid FROM revocations WHERE revokes = ? AND claim IN ('previous', 'recovery')
                        ORDER BY claim DESC, at, cid LIMIT 1
                        """, arguments: [member.column])
                if let revocation { wanted.insert(try CID(row: revocation)) }
            }
            return wanted
        }
        var documents: Documents = [:]
        for cid in wanted { documents[cid] = try blocks.bytes(cid) }
        return documents
    }

    private func merged(_ lines: [(CID, Documents)]) -> Documents {
        lines.reduce(into: [:]) { $0.merge($1.1) { first, _ in first } }
    }

    /// The bytes that they take in a request.
    private func size(_ documents: Documents) -> Int { documents.values.reduce(0) { $0 + $1.count + 4 } }

    private func bounded(_ lines: [(CID, Documents)]) throws -> [SignedBlock] {
        let all = merged(lines)
        let total = size(all)
        guard total > BlockList.limit || all.count > BlockList.countLimit else {
            return all.values.map(SignedBlock.init)
        }
        let longest = lines.max { size($0.1) < size($1.1) }
        let of = longest.map {
            ", of which \(size($0.1) / 1024) KiB in \($0.1.count) documents are of the line of "
                + book.lookup.identities.display($0.0)
        }
        throw DTAError(
            .failedPrecondition,
            "the documents by which dtad-hsm would judge this have \(total / 1024) KiB, and it takes "
                + "\(BlockList.limit / 1024)\(of ?? "")",
            hint: "who was given new keys that often needs a new identity, and a new order that names it")
    }
}

extension KnownDocuments {
    /// Skips blocks that are neither an identity nor a revocation.
    fileprivate init(blocks: [[UInt8]]) {
        self.init(
            blocks.compactMap { try? SignedIdentity(block: $0) },
            revocations: blocks.compactMap { try? SignedRevocation(block: $0) })
    }
}
