import CustodyProtocol
import DTAFormats
import DTASystem
import GRDB

/// What was released to somebody here, and what was deposited for him.
extension OrderService {
    public struct Result: Sendable {
        /// A secret: the caller wipes it.
        public var data: [UInt8]
        public var fields: [(String, String)]
    }

    /// The result of a use, held against the commitment before it is answered.
    /// - Parameter use: 0: the last that was released.
    public func result(_ caller: Caller, _ subject: String, use: Int) throws -> CustodyStep<Result> {
        let record = try orders.find(caller, subject)
        let part = try store.read { database in
            try OrderPartTable.last(.release, of: record.number, use: use == 0 ? nil : use, in: database)
        }
        guard let part else {
            throw DTAError(
                .failedPrecondition,
                "nothing of order \(record.reference)\(use == 0 ? "" : " for use \(use)") was released yet, as far as is "
                    + "known here", hint: "it is \(record.state.rawValue)")
        }
        let signed = try envelopes.verified(part.cid)
        guard let own = try lookup.reader(of: signed, as: nil), policy.current.allows(caller, .order, own.resource)
        else {
            throw DTAError(
                .permissionDenied,
                "user \(caller.display) may not read what order \(record.reference) released: it is sealed to "
                    + "\(identities.display(record.terms.recipient)) alone")
        }
        // Here, where what ledger gc dropped is brought from the IPFS node.
        let read = [record.progress.commitment, record.progress.deposit, signed.envelope.header.previous]
        for cid in read.compactMap({ $0 }) { _ = try envelopes.verified(cid) }
        return office.step { [self] post in
            guard case .release(var release) = try post.part(part.cid).part else {
                throw DTAError(.internal, "\(part.cid) is no release")
            }
            // What is answered is the caller's to wipe, and then the only copy.
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
    ) throws -> Result {
        guard let commitment = try post.commitment(record) else {
            throw DTAError(
                .failedPrecondition, "part 2 of order \(record.reference) is not here", hint: "receive it first")
        }
        guard let plugin = plugins.builtIn(record.kind) else {
            return try result(of: record.kind, release, commitment)
        }
        let request = try asked(release.redemption, post)
        var found = try explaining("what order \(record.reference) released cannot be relied on") {
            try plugin.result(release, of: commitment, request: request)
        }
        guard record.kind == SecretPlugin(.safeguard).type.name else {
            return Result(data: found.data, fields: found.fields)
        }
        defer { wipe(&found.data) }
        // The key to what is safeguarded, taken for the secret itself, would be kept, and the secret lost.
        guard let deposit = record.progress.deposit else {
            throw DTAError(
                .failedPrecondition,
                "order \(record.reference) is released, and what its principal deposited with it is not here",
                hint: "dtactl order receive asks the principal's gateway for it")
        }
        return try deposited(deposit, with: found.data, post)
    }

    /// What was released for an order whose plugin is a program, which may be known on another host alone.
    private func result(
        of kind: String, _ release: OrderRelease, _ commitment: OrderCommitment
    ) throws -> Result {
        // Where dtad-hsm keeps the secret, it commits to it as to any other, and proves it.
        let plain = SecretPlugin(.secret)
        if release.result["secret"]?.bytes != nil, (try? plain.verify(commitment)) != nil {
            let found = try explaining("what the order released cannot be relied on") {
                try plain.result(release, of: commitment, request: nil)
            }
            return Result(data: found.data, fields: found.fields)
        }
        // A plugin's own: what it is, and whether it fits, only its maker can say. One field alone is the result.
        var values = release.result.values
        var fields: [(String, String)] = []
        var data: [UInt8] = []
        if let name = values["secret"] != nil ? "secret" : values.count == 1 ? values.keys.first : nil,
            let value = values.removeValue(forKey: name)
        {
            data = value.bytes ?? Array(shown(value).utf8)
            fields.append(("result", name))
        }
        fields += values.sorted { $0.key < $1.key }.map { ($0.key, shown($0.value)) }
        fields.append(("checked", "no: only the plugin \(kind) knows whether it fits the commitment"))
        return Result(data: data, fields: fields)
    }

    /// What a redemption asked for; nil where it is sealed to others.
    private func asked(_ redemption: CID, _ post: PartPost) throws -> OrderFields? {
        let signed = try envelopes.verified(redemption)
        guard try lookup.reader(of: signed, as: nil) != nil,
            case .redemption(let asked) = try post.part(redemption).part
        else {
            return nil
        }
        return asked.request
    }

    // MARK: Safeguarded content

    /// The largest that can be deposited.
    public static let depositLimit = OrderDeposit.contentLimit

    /// Encrypts a secret to an order's commitment, and seals it to who gets the result.
    /// - Parameter contentType: a media type; "": application/octet-stream.
    public func deposit(
        _ caller: Caller, _ subject: String, data: [UInt8], contentType: String
    ) throws -> CustodyStep<(answer: Answer, cid: CID)> {
        let record = try orders.find(caller, subject)
        let principal = try lookup.acting(
            caller, .order, among: [record.terms.principal], of: record, as: nil, what: "deposit anything with")
        guard record.kind == SecretPlugin(.safeguard).type.name else {
            throw DTAError(
                .failedPrecondition,
                "order \(record.reference) is of type \(record.kind), with which nothing is deposited",
                hint: "order a safeguard-secret")
        }
        guard !data.isEmpty, data.count <= OrderService.depositLimit else {
            throw DTAError(
                .invalidArgument, "1 to \(OrderService.depositLimit) bytes can be deposited, not \(data.count)",
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
        let second = try envelopes.verified(commitment)
        return office.step { [self] post in
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
            return (try answer(caller, record.number, [letter.signed.cid]), letter.signed.cid)
        }
    }

    private func deposited(_ cid: CID, with secret: [UInt8], _ post: PartPost) throws -> Result {
        guard case .deposit(let deposit) = try post.part(cid).part else {
            throw DTAError(.internal, "\(cid) is no deposit")
        }
        let plaintext = try explaining("what was deposited cannot be decrypted") {
            try SafeguardCipher.open(deposit.sealed, with: Secp256k1Scalar(secret), commitment: deposit.commitment)
        }
        return Result(
            data: plaintext, fields: [("result", "deposit"), ("content_type", deposit.content), ("deposit", "\(cid)")])
    }
}
