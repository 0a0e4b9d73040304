import CustodyProtocol
import DTAFormats
import DTASystem
import TestSupport
import Testing

@Suite("Secrets of orders", .ownThread)
struct ReleaseTests {
    let host: OrderHost

    init() throws { host = try OrderHost() }

    @Test("a seed is committed to, and released to the order's recipient alone, by any process")
    func release() throws {
        let taken = try host.take()
        try CommitmentProof.verify(
            taken.proof, key: Secp256k1PublicKey(taken.publicKey), order: taken.part1.cid)
        let redemption = try host.redeem(taken)
        for connection in [host.custody, try HSMProcess(host.token).connect()] {
            let envelope = try host.release(taken, redemption.block, by: connection)
            let released = try host.read(envelope, as: host.beneficiary)
            let secret = try #require(released.result[OrderKind.secret]?.bytes)
            #expect(try Secp256k1Scalar(secret).publicKey.bytes == taken.publicKey)
            try released.heading.check(order: taken.part1.cid, terms: taken.order.terms)
            #expect(released.redemption == redemption.cid && released.use == 1)
            // Nobody else is in it, and nothing of the secret is to be seen in what the front gets.
            #expect(try envelope.recipients() == [host.beneficiary.cid])
            let bytes = try envelope.encoded
            #expect(!bytes.indices.dropLast(31).contains { bytes[$0...].starts(with: secret) })
            #expect(!taken.sealed.indices.dropLast(31).contains { taken.sealed[$0...].starts(with: secret) })
            // The fiduciary signs it as it is, and it continues the thread.
            let signed = try host.fiduciary.sign(host.custody, envelope)
            #expect(signed.envelope.header.previous == redemption.cid)
            #expect(signed.envelope.header.thread == taken.part1.envelope.header.thread)
            #expect(signed.envelope.header.content == OrderPartKind.release.contentType)
        }
    }

    @Test("every order has a seed of its own, and asking again makes another")
    func fresh() throws {
        let order = try Order(kind: OrderKind.secret, terms: host.terms())
        let part1 = try host.part1(order)
        let made = try (0..<3).map { _ in
            try host.custody.ask(
                NewSeed(
                    fiduciary: host.fiduciary.recipientKey, order: SignedBlock(part1.block),
                    documents: host.documents.map(SignedBlock.init), epoch: 1)
            ).publicKey
        }
        #expect(Set(made).count == 3)
    }

    @Test("approvals of as many approvers as the terms ask for release a secret, and part 4 has them")
    func approvals() throws {
        let taken = try host.take(host.terms(approvals: 2))
        let redemption = try host.redeem(taken)
        let all = try host.approvers.map { try $0.approval(of: redemption.cid, order: taken.part1.cid) }
        host.refused(.failedPrecondition) { try host.release(taken, redemption.block) }
        host.refused(.failedPrecondition) { try host.release(taken, redemption.block, approvals: [all[0]]) }
        let released = try host.read(
            host.release(taken, redemption.block, approvals: [all[2], all[0]]), as: host.beneficiary)
        #expect(Set(released.approvals) == [all[0], all[2]])
        for approval in released.approvals {
            let approver = try #require(host.approvers.first { $0.cid == approval.approval.by })
            try approval.verify(approver: approver.document)
        }
    }

    @Test("a rotated beneficiary redeems, and gets the secret under the new keys")
    func rotated() throws {
        let taken = try host.take()
        let newer = try host.beneficiary.rotated()
        let redemption = try host.redeem(taken, by: newer)
        let envelope = try host.release(
            taken, redemption.block, documents: host.documents + [newer.document.block])
        #expect(try envelope.recipients() == [newer.cid])
        let secret = try #require(host.read(envelope, as: newer).result[OrderKind.secret]?.bytes)
        #expect(try Secp256k1Scalar(secret).publicKey.bytes == taken.publicKey)
    }

    @Test("a rotated fiduciary releases what its predecessor took, and signs as it is now")
    func rotatedFiduciary() throws {
        let taken = try host.take()
        let newer = try HeldIdentity(host.custody, name: "fiduciary", replacing: host.fiduciary)
        let documents = host.documents + [newer.document.block]
        // To the new identity; and to the old one, by somebody who does not know of the new one yet.
        for (key, document) in [
            (newer.recipientKey, newer.document), (host.fiduciary.recipientKey, host.fiduciary.document),
        ] {
            let redemption = try host.redeem(taken, to: document)
            let envelope = try host.release(taken, redemption.block, documents: documents, fiduciary: key)
            #expect(envelope.header.from == newer.document.cid)
            let secret = try #require(host.read(envelope, as: host.beneficiary).result[OrderKind.secret]?.bytes)
            #expect(try Secp256k1Scalar(secret).publicKey.bytes == taken.publicKey)
            _ = try newer.sign(host.custody, envelope)
        }
    }

    @Test(
        "a key is used in place: it signs what a redemption asks for, and never leaves",
        arguments: [KeyType.ed25519, .p256, .p384, .secp256k1])
    func useInPlace(type: KeyType) throws {
        let fields = try OrderFields([OrderKind.algorithm: .text(type.name)])
        let order = try Order(kind: OrderKind.sign, terms: host.terms(maxUses: 2), fields: fields)
        let part1 = try host.part1(order)
        let made = try host.custody.ask(
            NewOrderKey(
                fiduciary: host.fiduciary.recipientKey, order: SignedBlock(part1.block),
                documents: host.documents.map(SignedBlock.init), epoch: 1))
        #expect(made.type == type)
        // Anybody who knows the order knows where its key is.
        let object = try ObjectID(OrderKeyID.bytes(owner: host.fiduciary.owner.uid, order: part1.cid))
        #expect(try host.custody.ask(ListObjects(objectClass: .order)).map(\.id) == [object])
        let taken = OrderHost.Taken(
            order: order, part1: part1,
            part2: try host.commit(order, part1, publicKey: made.publicKey, proof: []), sealed: made.sealed,
            publicKey: made.publicKey, proof: [])
        let algorithm: PublicKey.Algorithm =
            switch type {
            case .ed25519: .ed25519
            case .p256: .p256
            case .p384: .p384
            default: .secp256k1
            }
        let input = [UInt8](repeating: 7, count: type == .ed25519 ? 65_536 : type == .p384 ? 48 : 32)
        let name = type == .ed25519 ? OrderKind.message : OrderKind.digest
        func sign(_ redemption: SignedEnvelope) throws -> Envelope {
            try Envelope(
                encoded: host.custody.ask(
                    SignForOrder(
                        RedemptionRequest(
                            fiduciary: host.fiduciary.recipientKey, sealed: taken.sealed, order: part1.cid,
                            redemption: SignedBlock(redemption.block), approvals: [],
                            documents: host.documents.map(SignedBlock.init), received: OrderHost.now))))
        }
        for use in 1...2 {
            let redemption = try host.redeem(taken, use: use, request: OrderFields([name: .bytes(input)]))
            let released = try host.read(sign(redemption), as: host.beneficiary)
            let signature = try #require(released.result[OrderKind.signature]?.bytes)
            let key = try PublicKey(algorithm, raw: made.publicKey)
            #expect(
                try type == .ed25519
                    ? key.isValid(signature: signature, message: input)
                    : key.isValid(signature: signature, digest: input))
            host.refused(.permissionDenied, "released") { try host.release(taken, redemption.block) }
        }
        let wrong: [[String: OrderFieldValue]] = [
            [:], [name: .bytes(input + [0])], [name: .text("x")], ["other": .bytes(input)],
            [name: .bytes(input), "more": .integer(1)],
        ]
        for request in wrong {
            let redemption = try host.redeem(taken, request: OrderFields(request))
            host.refused(.invalidArgument, "\(request.keys)") { try sign(redemption) }
        }
        // A key of an order is no user's key, and dies with the order.
        host.refused(.permissionDenied) { try host.custody.ask(Sign(id: object, input: Array(input.prefix(32)))) }
        try host.custody.ask(DeleteObject(objectClass: .order, id: object))
        let last = try host.redeem(taken, use: 2, request: OrderFields([name: .bytes(input)]))
        host.refused(.notFound) { try sign(last) }
    }
}
