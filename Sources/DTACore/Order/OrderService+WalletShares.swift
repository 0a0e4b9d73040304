import DTAFormats
import Foundation
import GRDB

/// Whose the other part of a wallet is. The proof in part 2 shows that the fiduciary has its own part, and of which sum;
/// it cannot show that the other part is the beneficiary's. A fiduciary that put a point of its own there would have the
/// wallet to itself.
extension OrderService {
    /// Why a commitment to a wallet is refused; nil where it is not.
    func shareDenial(
        of commitment: OrderCommitment, in record: OrderRecord, _ facts: KnownFacts, _ database: Database
    ) throws -> OrderDenial? {
        guard record.kind == OrderKind.bitcoinWallet else { return nil }
        guard let share = commitment.fields[BitcoinWalletPlugin.share]?.bytes else {
            return OrderDenial(.mismatch, "the commitment does not name the beneficiary's share")
        }
        // Principal and fiduciary wrote down what part 1 names.
        let ordered = try Data.fetchOne(
            database, sql: "SELECT share FROM order_shares WHERE in_order = ?", arguments: [record.cid.column])
        if let ordered, [UInt8](ordered) != share {
            return OrderDenial(.mismatch, "the commitment makes the wallet with another share than the order names")
        }
        let beneficiary = record.terms.beneficiary ?? record.terms.recipient
        guard try isHere(beneficiary, facts) else { return nil }
        let maker = try Data.fetchOne(
            database, sql: "SELECT identity FROM wallet_shares WHERE share = ?", arguments: [Data(share)])
        // Others on this host have shares as well, which the beneficiary could not add to its own part.
        guard let maker, try IdentityJudge(facts).areOneLine(CID(row: maker), beneficiary) else {
            return OrderDenial(.mismatch, "the commitment makes the wallet with a share that is not the beneficiary's")
        }
        // That another order uses it as well is no reason: somebody may have invented that one to keep this one out, and two
        // principals who know nothing of each other may take the same. Who exports is told.
        return nil
    }

    /// The beneficiary sees that its share is used. Nobody else takes anything from what others' commitments say: who is
    /// principal and fiduciary of an order of his own can name any share in it.
    func noteShare(
        of commitment: OrderCommitment, in record: OrderRecord, _ facts: KnownFacts, _ database: Database
    ) throws {
        guard record.kind == OrderKind.bitcoinWallet, let share = commitment.fields[BitcoinWalletPlugin.share]?.bytes,
            try isHere(record.terms.beneficiary ?? record.terms.recipient, facts),
            try usesShare(share, besides: record.cid, database) == nil
        else { return }
        try takeShare(of: commitment.kind, commitment.fields, for: record.cid, in: database)
    }

    /// Another order that uses a share, as far as is known here.
    func usesShare(_ share: [UInt8], besides order: CID, _ database: Database) throws -> CID? {
        let user = try Data.fetchOne(
            database, sql: "SELECT in_order FROM order_shares WHERE share = ? AND in_order != ?",
            arguments: [Data(share), order.column])
        return try user.map { try CID(row: $0) }
    }
}
