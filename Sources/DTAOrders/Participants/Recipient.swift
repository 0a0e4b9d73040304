import CustodyProtocol
import DTABytes
import DTACore
import DTAEnvelopes
import DTAFormats
import DTASystem
import GRDB

/// What a recipient gets out of an order.
package struct OrderResult: Sendable {
    package let data: SecretReference
    package var fields: [(String, String)]
}

/// Reads what was released to an identity here, and what was deposited for it.
struct Recipient: Sendable {
    let orders: OrderLookup
    let book: OrderBook
    let office: PostOffice
    let plugins: PluginRegistry

    private var lookup: PartyLookup { book.lookup }
    private var envelopes: EnvelopeService { office.envelopes }

    /// The result of a use, checked against the commitment before it is answered.
    /// - Parameter use: 0: the last that was released.
    func result(_ caller: Caller, _ subject: String, use: Int) throws -> CustodyStep<OrderResult> {
        let record = try orders.find(caller, subject)
        let part = try book.store.read { database in
            try OrderPartTable.last(.release, of: record.number, use: use == 0 ? nil : use, in: database)
        }
        guard let part else {
            throw DTAError(
                .failedPrecondition,
                "nothing of order \(record.reference)\(use == 0 ? "" : " for use \(use)") was released yet, as far as is "
                    + "known here", hint: "it is \(record.state.rawValue)")
        }
        let signed = try envelopes.verified(part.cid)
        guard let own = try lookup.reader(of: signed, as: nil),
            lookup.policy.current.allows(caller, .order, own.resource)
        else {
            throw DTAError(
                .permissionDenied,
                "user \(caller.display) may not read what order \(record.reference) released: it is sealed to "
                    + "\(lookup.identities.display(record.terms.recipient)) alone")
        }
        // In this phase the IPFS node may be asked for blocks that ledger gc dropped.
        let read = [record.progress.commitment, record.progress.deposit, signed.envelope.header.previous]
        for cid in read.compactMap({ $0 }) { _ = try envelopes.verified(cid) }
        return office.step { post in
            guard case .release(var release) = try post.part(part.cid).part else {
                throw DTAError(.internal, "\(part.cid) is no release")
            }
            // So the answer holds the only copy.
            defer { release.wipeResult() }
            try explaining("the release \(part.cid) is not of this order") {
                try release.heading.check(order: record.cid, terms: record.terms)
            }
            var result = try result(record, release, post)
            result.fields += [
                ("use", "\(release.use)"), ("released", "\(release.released)"),
                ("received", "\(release.received)"), ("approvals", "\(release.approvals.count)"),
            ]
            return result
        }
    }

    private func result(
        _ record: OrderRecord, _ release: OrderRelease, _ post: PartPost
    ) throws -> OrderResult {
        guard let commitment = try post.commitment(record) else {
            throw DTAError(
                .failedPrecondition, "part 2 of order \(record.reference) is not here", hint: "receive it first")
        }
        let hooks = plugins.hooks(record.kind)
        let found = try explaining("what order \(record.reference) released cannot be relied on") {
            try hooks.result(release, of: commitment) { try asked(release.redemption, post) }
        }
        guard hooks.takesDeposit else { return OrderResult(data: found.data, fields: found.fields) }
        // A user who took the key for the deposited secret would keep the key, and lose the secret.
        guard let deposit = record.progress.deposit else {
            throw DTAError(
                .failedPrecondition,
                "order \(record.reference) is released, and what its principal deposited with it is not here",
                helps: .receiveDeposit, about: record.reference.description)
        }
        return try deposited(deposit, with: found.data, post)
    }

    /// What a redemption asked for; nil if it is sealed to others.
    private func asked(_ redemption: CID, _ post: PartPost) throws -> OrderFields? {
        let signed = try envelopes.verified(redemption)
        guard try lookup.reader(of: signed, as: nil) != nil,
            case .redemption(let asked) = try post.part(redemption).part
        else {
            return nil
        }
        return asked.request
    }

    private func deposited(_ cid: CID, with secret: SecretReference, _ post: PartPost) throws -> OrderResult {
        guard case .deposit(let deposit) = try post.part(cid).part else {
            throw DTAError(.internal, "\(cid) is no deposit")
        }
        let plaintext = try explaining("what was deposited cannot be decrypted") {
            let scalar = try unsafe secret.withUnsafeBytes { unsafe try Secp256k1Scalar($0) }
            return SecretReference(
                try SafeguardCipher.open(deposit.sealed, with: scalar, commitment: deposit.commitment))
        }
        return OrderResult(
            data: plaintext, fields: [("result", "deposit"), ("content_type", deposit.content), ("deposit", "\(cid)")])
    }
}
