import CustodyProtocol
import DTACore
import DTAFormats
import DTAPlugins
import DTASystem

/// Makes part 2: the fiduciary's commitment.
struct CommitmentMaker: Sendable {
    let book: OrderBook
    let plugins: PluginRegistry
    let secrets: OrderSecrets

    /// Makes the secret, seals it together with the order that the principal signed, and sends part 2 to all parties.
    func make(_ record: OrderRecord, _ post: PartPost) throws -> CID {
        guard record.state == .ordered else {
            throw DTAError(
                .failedPrecondition,
                "order \(record.reference) is \(record.state.rawValue): nothing is committed to any more")
        }
        let actor = try book.lookup.fiduciary(of: record)
        let (first, own, order) = try post.order(record)
        let plugin = try plugins.plugin(order.kind)
        let asked = try PluginOrder(of: order, record)
        try plugin.validate(asked)
        let extra = try plugin.commit(asked)
        return try secrets.make(of: record, first, own, order, plugin, extra, post.custodian) { secret in
            let commitment = try explaining("the commitment cannot be made") {
                try OrderCommitment(
                    order: record.cid, kind: order.kind, terms: order.terms, publicKey: secret.publicKey,
                    proof: secret.proof, fields: OrderFields(extra?.fields ?? [:]))
            }
            let letter = try post.seal(
                .commitment(commitment), from: actor, to: order.terms.parties,
                needed: [order.terms.principal, order.terms.recipient], answering: first)
            CrashPoint.reach(.orderCommitSealed)
            try book.add(letter, by: actor.owner, in: record.number) {
                try secrets.insert(secret, of: record, in: $0)
                try book.shares.take(order.kind, order.fields, for: record.cid, in: $0)
            }
            CrashPoint.reach(.orderCommitStored)
            return letter.signed.cid
        }
    }
}
