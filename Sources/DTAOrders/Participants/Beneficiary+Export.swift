import CustodyProtocol
import DTACore
import DTAFormats
import DTASystem
import Foundation
import GRDB

/// Exports the key of a wallet, which leaves the HSM only for its beneficiary.
extension Beneficiary {
    /// The private key of a wallet, if the fiduciary's part of it was released to the caller.
    func export(_ caller: Caller, _ subject: String) throws -> CustodyStep<OrderResult> {
        let record = try orders.find(caller, subject)
        let hooks = plugins.hooks(record.kind)
        guard hooks.shareField != nil, let commitment = record.progress.commitment else {
            throw DTAError(
                .failedPrecondition,
                "order \(record.reference) is no bitcoin-wallet to which its fiduciary is committed")
        }
        guard let part = try store.read({ try OrderPartTable.last(.release, of: record.number, in: $0) }) else {
            throw DTAError(
                .failedPrecondition, "the fiduciary's part of the wallet \(record.reference) was not released yet")
        }
        let release = try envelopes.verified(part.cid)
        let second = try envelopes.verified(commitment)
        guard let own = try lookup.reader(of: release, as: record.terms.recipient),
            lookup.policy.current.allows(caller, .order, own.resource)
        else {
            throw DTAError(
                .permissionDenied,
                "user \(caller.display) may not have the key of the wallet \(record.reference): it is "
                    + "\(lookup.identities.display(record.terms.recipient))'s")
        }
        return office.step { post in
            guard let commitment = try post.commitment(record) else {
                throw DTAError(.failedPrecondition, "part 2 of order \(record.reference) is not here")
            }
            let shared = try explaining("the wallet \(record.reference) cannot be relied on") {
                try hooks.sharedKey(commitment)
            }
            let sum = shared.sum
            let row = try store.read { database in
                try Row.fetchOne(
                    database, sql: "SELECT sealed, identity FROM wallet_shares WHERE share = ?",
                    arguments: [Data(sum.beneficiary.bytes)])
            }
            guard let row else {
                throw DTAError(
                    .notFound, "the beneficiary's share of the wallet \(record.reference) is not on this host")
            }
            let share = CreatedShare(sealed: [UInt8](row["sealed"] as Data), publicKey: sum.beneficiary.bytes)
            let documents = try evidence.documents(
                of: [own.cid, record.terms.fiduciary, second.envelope.header.from, release.envelope.header.from])
            guard let reader = try lookup.reader(of: second, as: record.terms.recipient) else {
                throw DTAError(.permissionDenied, "part 2 of order \(record.reference) is sealed to others")
            }
            let key = try post.custodian.ask(
                ExportWallet(
                    share: share,
                    commitment: SealedPart(recipient: reader.recipientKey, block: SignedBlock(second.block)),
                    release: SealedPart(recipient: own.recipientKey, block: SignedBlock(release.block)),
                    documents: documents))
            let other = try store.read { try book.shares.user(of: sum.beneficiary.bytes, besides: record.cid, $0) }
            return OrderResult(
                data: key,
                fields: [("public", OrderFieldValue.bytes(sum.publicKey.bytes).shown)] + shared.fields + [
                    (
                        "warning",
                        "anyone who sees this key can spend the wallet's coins; it does not come back into the HSM"
                            + (other.map {
                                "; order \($0) uses the same share: this key and the fiduciary's half of this wallet "
                                    + "give one half of that wallet's key"
                            } ?? "")
                    )
                ])
        }
    }
}
