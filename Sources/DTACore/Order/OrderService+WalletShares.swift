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
        // It is taken when the part is accepted.
        let user = try Data.fetchOne(
            database, sql: "SELECT in_order FROM order_shares WHERE share = ?", arguments: [Data(share)])
        guard user == nil || user == record.cid.column else {
            return OrderDenial(.mismatch, "another order uses the share of this wallet: each is used once")
        }
        return nil
    }
}
