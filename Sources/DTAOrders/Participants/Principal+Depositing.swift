import DTACore
import DTAFormats
import DTASystem

/// Deposits a principal's secret with an order, for its recipient.
extension Principal {
    /// The largest deposit, in bytes.
    static let depositLimit = OrderDeposit.contentLimit

    /// Encrypts a secret to an order's commitment, and seals it to the recipient of the result.
    /// - Parameter contentType: a media type; "": application/octet-stream.
    func deposit(
        _ caller: Caller, _ subject: String, data: [UInt8], contentType: String
    ) throws -> CustodyStep<(answer: OrderAnswer, cid: CID)> {
        let record = try orders.find(caller, subject)
        let principal = try lookup.acting(
            caller, .order, among: [record.terms.principal], of: record, as: nil, what: "deposit anything with")
        guard plugins.hooks(record.kind).takesDeposit else {
            throw DTAError(
                .failedPrecondition,
                "order \(record.reference) is of type \(record.kind), with which nothing is deposited",
                hint: "order a safeguard-secret")
        }
        guard !data.isEmpty, data.count <= Principal.depositLimit else {
            throw DTAError(
                .invalidArgument, "1 to \(Principal.depositLimit) bytes can be deposited, not \(data.count)",
                hint: "seal what is larger in an envelope, and deposit its key")
        }
        guard let commitment = record.progress.commitment else {
            throw DTAError(
                .failedPrecondition, "the fiduciary of order \(record.reference) has not committed itself yet")
        }
        guard !record.state.isOver, record.state != .frozen else {
            throw DTAError(
                .failedPrecondition,
                "nothing is deposited with order \(record.reference) any more: it is \(record.state.rawValue)")
        }
        let second = try office.envelopes.verified(commitment)
        return office.step { post in
            let sealed = try explaining("nothing can be encrypted to the commitment of order \(record.reference)") {
                try SafeguardCipher.seal(data, to: Secp256k1PublicKey(record.publicKey), commitment: commitment)
            }
            let deposit = try explaining("the deposit cannot be made") {
                try OrderDeposit(
                    order: record.cid, terms: record.terms, commitment: commitment,
                    content: contentType.isEmpty ? "application/octet-stream" : contentType, sealed: sealed)
            }
            let letter = try post.seal(
                .deposit(deposit), from: principal, to: [record.terms.recipient, record.terms.principal],
                needed: [record.terms.recipient], answering: second)
            CrashPoint.reach(.orderDepositSealed)
            try book.add(letter, by: principal.owner, in: record.number)
            CrashPoint.reach(.orderDepositStored)
            return (try views.answer(caller, record.number, [letter.signed.cid]), letter.signed.cid)
        }
    }
}
