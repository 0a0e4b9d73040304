import DTAFormats
import DTAIdentities
import DTASystem
import Foundation
import GRDB

/// Which order uses which share of a wallet's key, and the owners of the shares that were made here.
struct WalletShareTable: Sendable {
    let lookup: PartyLookup
    let plugins: PluginRegistry

    /// The share that an order, or its commitment, names; nil: none.
    func share(in fields: OrderFields, of kind: String) -> [UInt8]? {
        plugins.hooks(kind).shareField.flatMap { fields[$0]?.bytes }
    }

    /// Why a commitment to a wallet is refused; nil: it is not.
    ///
    /// The proof in part 2 shows that the fiduciary has its own part, and of which sum. It cannot show that the other
    /// part is the beneficiary's: a fiduciary that put its own point there would own the wallet alone.
    func refusal(
        of commitment: OrderCommitment, in record: OrderRecord, _ facts: KnownFacts, _ database: Database
    ) throws -> Refusal? {
        guard plugins.hooks(record.kind).shareField != nil else { return nil }
        guard let share = share(in: commitment.fields, of: record.kind) else {
            return Refusal(.mismatch, "the commitment does not name the beneficiary's share")
        }
        // The hosts of principal and fiduciary stored the share that part 1 names.
        let ordered = try Data.fetchOne(
            database, sql: "SELECT share FROM order_shares WHERE in_order = ?", arguments: [record.cid.column])
        if let ordered, [UInt8](ordered) != share {
            return Refusal(.mismatch, "the commitment makes the wallet with another share than the order names")
        }
        let beneficiary = record.terms.beneficiary ?? record.terms.recipient
        guard try lookup.isHere(beneficiary, facts) else { return nil }
        let maker = try Data.fetchOne(
            database, sql: "SELECT identity FROM wallet_shares WHERE share = ?", arguments: [Data(share)])
        // Other users on this host have shares as well, which the beneficiary could not add to its own part.
        guard let maker, try IdentityJudge(facts).areOneLine(CID(row: maker), beneficiary) else {
            return Refusal(.mismatch, "the commitment makes the wallet with a share that is not the beneficiary's")
        }
        // Another order with the same share is no reason to refuse: a stranger may have invented it to block this one,
        // and two principals who know nothing of each other may take the same share. The exporter is told.
        return nil
    }

    /// Notes on the beneficiary's host that its share is used. Other hosts learn nothing from commitments: the
    /// principal and fiduciary of another order can name any share in it.
    func note(
        _ commitment: OrderCommitment, in record: OrderRecord, _ facts: KnownFacts, _ database: Database
    ) throws {
        guard let share = share(in: commitment.fields, of: record.kind),
            try lookup.isHere(record.terms.beneficiary ?? record.terms.recipient, facts),
            try user(of: share, besides: record.cid, database) == nil
        else { return }
        try take(commitment.kind, commitment.fields, for: record.cid, in: database)
    }

    /// Another order that uses a share, as far as is known here.
    func user(of share: [UInt8], besides order: CID, _ database: Database) throws -> CID? {
        let user = try Data.fetchOne(
            database, sql: "SELECT in_order FROM order_shares WHERE share = ? AND in_order != ?",
            arguments: [Data(share), order.column])
        return try user.map { try CID(row: $0) }
    }

    /// Reserves a share for one order; it is never used for another.
    /// - Parameters: `kind`, `fields`: of the order, or of its commitment.
    /// - Throws: if another order has it.
    func take(_ kind: String, _ fields: OrderFields, for order: CID, in database: Database) throws {
        guard let share = share(in: fields, of: kind) else { return }
        try database.execute(
            sql: "INSERT OR IGNORE INTO order_shares (share, in_order) VALUES (?, ?)",
            arguments: [Data(share), order.column])
        let used = try Data.fetchOne(
            database, sql: "SELECT in_order FROM order_shares WHERE share = ?", arguments: [Data(share)])
        guard used == order.column else {
            throw DTAError(
                .failedPrecondition, "another order uses this share of a wallet: each is used once",
                hint: "order again with another share")
        }
        try OfferedShares.take(share, in: database)
    }
}
