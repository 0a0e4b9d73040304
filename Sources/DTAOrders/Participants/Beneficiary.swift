import CustodyProtocol
import DTACore
import DTAEnvelopes
import DTAFormats
import DTAIdentities
import DTALedger
import DTAPlugins
import DTASystem
import Foundation
import GRDB

/// The beneficiary's side of orders with a shared key, such as a wallet's: its shares, and the keys.
struct Beneficiary: Sendable {
    let orders: OrderLookup
    let book: OrderBook
    let office: PostOffice
    let plugins: PluginRegistry
    let evidence: OrderEvidence
    /// How many shares of wallets each user may have made.
    let sharesPerUser: Int
    let clock: WallClock

    var lookup: PartyLookup { book.lookup }
    var envelopes: EnvelopeService { office.envelopes }
    private var blocks: BlockStore { book.blocks }
    var store: Store { book.store }

    /// A share that is made but not stored yet.
    struct MadeShare {
        fileprivate let made: CreatedShare
        fileprivate let own: IdentityRecord
        fileprivate let limit: Int
        /// Unix seconds.
        fileprivate let created: Int64

        /// Stores it in the transaction that stores the list or the order for which it was made.
        /// - Parameter published: the list that offers it; nil if it is for one order.
        func store(published: CID? = nil, _ database: Database) throws {
            try database.execute(
                sql: """
                    INSERT INTO wallet_shares (share, identity, owner_uid, owner_name, sealed, published, created)
                    VALUES (?, ?, ?, ?, ?, ?, ?)
                    """,
                arguments: [
                    Data(made.publicKey), own.cid.column, Int64(own.owner.uid), own.owner.name, Data(made.sealed),
                    published?.column, created,
                ])
            try Beneficiary.checkShares(more: 0, of: own.owner, limit: limit, database)
        }
    }

    /// - Throws: if a user would have more shares than the configuration allows.
    static func checkShares(more: Int, of owner: Owner, limit: Int, _ database: Database) throws {
        let count = try Int.fetchOne(
            database, sql: "SELECT count(*) FROM wallet_shares WHERE owner_uid = ? AND owner_name = ?",
            arguments: [Int64(owner.uid), owner.name])
        guard let count, count + more > limit else { return }
        throw DTAError(
            .resourceExhausted, "user \(owner.display) may have \(limit) shares of wallets, used or not",
            hint: "an administrator can raise limits.wallet_shares_per_user in dtad.yaml")
    }

    /// Adds to an order, before it is sealed, what only dtad-hsm can make: the beneficiary's share, if the principal
    /// named none. The beneficiary's owner, and users whom the owner granted that, get a fresh share. Others get one
    /// that the beneficiary published.
    func complete(
        _ order: Order, _ caller: Caller, _ post: PartPost
    ) throws -> (order: Order, made: MadeShare?) {
        guard let field = plugins.hooks(order.kind).shareField, order.fields[field] == nil else {
            return (order, nil)
        }
        let beneficiary = order.terms.beneficiary ?? order.terms.recipient
        let own = try store.read { try lookup.actor(for: beneficiary, KnownFacts(database: $0)) }
        var made: MadeShare?
        if let own, lookup.policy.current.allows(caller, .order, own.resource) {
            try store.read { try Beneficiary.checkShares(more: 1, of: own.owner, limit: sharesPerUser, $0) }
            made = try share(of: own, terms: order.terms.hash, post)
        }
        var fields = order.fields.values
        fields[field] = .bytes(try made?.made.publicKey ?? publishedShare(of: beneficiary))
        let complete = try explaining("the order cannot be made") {
            try Order(kind: order.kind, terms: order.terms, fields: OrderFields(fields))
        }
        return (complete, made)
    }

    private func share(of own: IdentityRecord, terms: [UInt8]?, _ post: PartPost) throws -> MadeShare {
        let made = try post.custodian.ask(
            CreateShare(owner: ObjectOwner(uid: own.owner.uid), beneficiary: own.cid, terms: terms))
        return MadeShare(made: made, own: own, limit: sharesPerUser, created: clock.now)
    }

    /// The first share that a beneficiary published and that no order known here uses.
    private func publishedShare(of beneficiary: CID) throws -> [UInt8] {
        let line = try store.read { database in
            try [beneficiary] + IdentityJudge(KnownFacts(database: database)).lineage(of: beneficiary)
        }
        for sender in line {
            var looked: Int64 = 0
            while let next = try store.read({ try OfferedShares.next(of: sender, after: looked, in: $0) }) {
                looked = next.list
                do {
                    let signed = try envelopes.verified(next.cid)
                    if try envelopes.standingAtReceipt(signed) == Standing.current.name { return next.share }
                } catch let error as DTAError where error.code == .notFound {
                    // The block may come back.
                    continue
                } catch let error as DTAError where error.code == .dataLoss {
                    // The sender did not sign it, or was not current. That does not change.
                }
                try store.write { try OfferedShares.drop(list: next.list, in: $0) }
            }
        }
        throw DTAError(
            .failedPrecondition,
            "\(lookup.identities.display(beneficiary)) has published no share of a wallet that is known here and free",
            helps: .publishShares)
    }

    // MARK: Publishing

    /// Makes one-time shares, and publishes them in a signed list.
    func publishShares(
        _ caller: Caller, _ subject: String, count: UInt32
    ) throws -> CustodyStep<(cid: CID, shares: [WalletShare])> {
        let own = try lookup.sender(caller, .order, subject)
        guard WalletShares.counts.contains(Int(count)) else {
            throw DTAError(
                .invalidArgument, "1 to \(WalletShares.counts.upperBound) shares are published at once, not \(count)")
        }
        try store.read { try Beneficiary.checkShares(more: Int(count), of: own.owner, limit: sharesPerUser, $0) }
        return office.step { post in
            let made = try (0..<count).map { _ in try share(of: own, terms: nil, post) }
            let envelope = try explaining("the shares cannot be published") {
                try EnvelopeSealer.publish(
                    WalletShares(made.map { try Secp256k1PublicKey($0.made.publicKey) }).encoded(),
                    content: WalletShares.contentType, from: own.cid, created: clock.now)
            }
            let signed = try envelopes.sign(envelope, own, try blocks.document(own.cid), post.custodian)
            // Shares and list in one transaction, so that every share on offer can be used.
            try store.write { database in
                try blocks.insert(signed, standing: Standing.current.name, owner: own.owner, in: database)
                for share in made { try share.store(published: signed.cid, database) }
            }
            return (
                signed.cid,
                made.map {
                    WalletShare(
                        share: $0.made.publicKey, identity: own.cid, published: signed.cid, order: nil,
                        created: $0.created)
                }
            )
        }
    }

    /// The caller's shares, in the order in which they were made.
    func listShares(_ caller: Caller, count: UInt32, cursor: String) throws -> Page<WalletShare> {
        let size = try PageSize.of(count)
        guard let after = cursor.isEmpty ? 0 : Int64(cursor) else {
            throw DTAError(.invalidArgument, "\(quoted(cursor)) is no cursor of the shares")
        }
        let rows = try store.read { database in
            try Row.fetchAll(
                database,
                sql: """
                    SELECT wallet_shares.*, order_shares.in_order AS used FROM wallet_shares
                    LEFT JOIN order_shares USING (share)
                    WHERE owner_uid = ? AND owner_name = ? AND wallet_shares.number > ?
                    ORDER BY wallet_shares.number LIMIT ?
                    """, arguments: [Int64(caller.uid), caller.userName, after, size + 1])
        }
        let items = try rows.prefix(size).map { row in
            WalletShare(
                share: [UInt8](row["share"] as Data), identity: try CID(row: row["identity"]),
                published: try (row["published"] as Data?).map { try CID(row: $0) },
                order: try (row["used"] as Data?).map { try CID(row: $0) }, created: row["created"])
        }
        return Page(items: items, cursor: rows.count > size ? "\(rows[size - 1]["number"] as Int64)" : "")
    }
}
