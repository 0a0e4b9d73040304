import CustodyProtocol
import DTAFormats
import DTASystem
import TestSupport
import Testing

/// Orders whose key is used in place, and what an earlier release sealed for them.
extension OrderHost {
    /// Has dtad-hsm make the key of a `sign` order.
    /// - Parameter principal: who orders; the host's own where it is nil.
    func takeSign(_ terms: OrderTerms? = nil, _ type: KeyType = .ed25519, by principal: Remote? = nil) throws -> Taken {
        let principal = principal ?? self.principal
        let order = try Order(
            kind: OrderKind.sign, terms: terms ?? self.terms(),
            fields: OrderFields([OrderKind.algorithm: .text(type.name)]))
        return try makeKey(
            order, principal.part(.order, order.encoded(), to: [fiduciary.document, principal.document]),
            documents: documents + [principal.document.block])
    }

    func makeKey(_ order: Order, _ part1: SignedEnvelope, documents: [[UInt8]]? = nil) throws -> Taken {
        let made = try custody.ask(
            NewOrderKey(
                fiduciary: fiduciary.recipientKey, order: SignedBlock(part1.block),
                documents: (documents ?? self.documents).map(SignedBlock.init), epoch: 1))
        return try Taken(
            order: order, part1: part1, part2: commit(order, part1, publicKey: made.publicKey, proof: []),
            sealed: made.sealed, publicKey: made.publicKey, proof: [])
    }

    /// What redemptions ask to have signed: a message, or a digest of the algorithm's length.
    static func input(for taken: Taken) -> [UInt8] {
        [UInt8](repeating: 7, count: taken.order.algorithm == .p384 ? 48 : 32)
    }

    /// A redemption that asks for a signature.
    func askToSign(_ taken: Taken, by sender: Remote? = nil, use: Int = 1) throws -> SignedEnvelope {
        let name = taken.order.algorithm == .ed25519 ? OrderKind.message : OrderKind.digest
        return try redeem(
            taken, by: sender, use: use, request: OrderFields([name: .bytes(OrderHost.input(for: taken))]))
    }

    /// - Returns: the envelope of part 4.
    func sign(
        _ taken: Taken, _ redemption: SignedEnvelope, sealed: [UInt8]? = nil, documents: [[UInt8]]? = nil,
        by connection: CustodyConnection? = nil
    ) throws -> Envelope {
        try Envelope(
            encoded: (connection ?? custody).ask(
                SignForOrder(
                    RedemptionRequest(
                        fiduciary: fiduciary.recipientKey, sealed: sealed ?? taken.sealed, order: taken.part1.cid,
                        redemption: SignedBlock(redemption.block), approvals: [],
                        documents: (documents ?? self.documents).map(SignedBlock.init),
                        received: OrderHost.now))))
    }

    func object(of taken: Taken) throws -> ObjectID {
        try ObjectID(OrderKeyID.bytes(owner: fiduciary.owner.uid, order: taken.part1.cid))
    }

    // MARK: What earlier releases sealed

    /// What an order's blob is sealed for.
    func binding(_ taken: Taken, _ domain: String, epoch: UInt32 = 1) throws -> [UInt8] {
        try associatedData(domain, epoch, "order", fiduciary.owner, taken.part1.cid.bytes)
    }

    /// The fields of an order's blob, as `dta/epoch/1` has them.
    func firstFields(_ taken: Taken, object: ObjectID? = nil) throws -> DAGCBOR.Map {
        var map: DAGCBOR.Map = try [
            "by": .link(taken.order.terms.principal), "order": .bytes(taken.order.encoded()),
            "thread": .bytes(taken.part1.envelope.header.thread),
        ]
        map["object"] = object.map { .bytes($0.bytes) }
        return map
    }

    /// The blob that an earlier release would have made of this order, and of a key under this id.
    func firstBlob(_ taken: Taken, object: ObjectID?, seed: [UInt8] = [UInt8](repeating: 0, count: 32)) throws
        -> [UInt8]
    {
        try SealingTool().seal(
            seed + DAGCBOR.encode(.map(firstFields(taken, object: object))), "epoch",
            aad: binding(taken, "dta/epoch/1"), at: .init(token))
    }
}

func associatedData(
    _ domain: String, _ number: UInt32, _ purpose: String, _ owner: ObjectOwner, _ id: [UInt8]
) throws -> [UInt8] {
    try DAGCBOR.encode(
        .list([
            .text(domain), .unsigned(UInt64(number)), .text(purpose), .unsigned(UInt64(owner.uid)), .bytes(id),
        ]))
}
