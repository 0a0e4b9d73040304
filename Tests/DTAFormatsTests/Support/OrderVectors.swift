import Crypto
import Foundation
import TestSupport

@testable import DTAFormats

/// `docs/vectors/order.json`: a whole order with a part of every kind, from part 1 to the destruction.
struct OrderVector: Codable {
    var about: String
    var people: [PersonVector]
    /// What the fiduciary keeps.
    var seed: String
    /// What the principal deposited.
    var deposited: String
    var parts: [PartVector]

    struct PartVector: Codable {
        var kind: String
        var from: String
        /// In the order of the wraps.
        var to: [String]
        var previous: String?
        var contentKey: String
        var plaintext: String
        /// How one of the recipients opens it.
        var opens: WrapVector
        var block: String
        var cid: String
    }
}

/// Makes the order from fixed keys; encapsulations and BIP-340's auxiliary randomness are fresh each time.
struct OrderGenerator {
    private typealias Somebody = (person: Person, seed: [UInt8])

    private let principal = try! VectorGenerator.person("principal")
    private let fiduciary = try! VectorGenerator.person("fiduciary")
    private let beneficiary = try! VectorGenerator.person("beneficiary")
    private let approvers = try! (1...3).map { try VectorGenerator.person("approver \($0)") }
    private var parts: [OrderVector.PartVector] = []
    private var time: Int64 = 1_760_000_000

    static func vector() throws -> OrderVector {
        var generator = OrderGenerator()
        return try generator.make()
    }

    private mutating func make() throws -> OrderVector {
        let everybody = [principal, fiduciary, beneficiary] + approvers
        let seed = VectorGenerator.fixed("order seed")
        let secret = try Secp256k1Scalar(seed)
        let terms = try OrderTerms(
            fiduciary: fiduciary.0.cid, principal: principal.0.cid, beneficiary: beneficiary.0.cid,
            redeemers: [beneficiary.0.cid], recipient: beneficiary.0.cid, approvers: approvers.map(\.0.cid),
            approvals: 2, notBefore: time, notAfter: time + 86_400, maxUses: 2)
        let order = try Order(
            kind: OrderKind.safeguardSecret, terms: terms,
            fields: OrderFields(["note": .text("the safe's combination"), "box": .integer(7)]))
        let part1 = try add(.order, order.encoded(), from: principal, to: [fiduciary, principal])
        let commitment = try OrderCommitment(
            order: part1.cid, kind: order.kind, terms: terms, publicKey: secret.publicKey.bytes,
            proof: CommitmentProof.make(for: part1.cid, with: secret))
        let part2 = try add(.commitment, commitment.encoded(), from: fiduciary, to: everybody, answering: part1)
        let deposited = Array("18-4-33".utf8)
        let sealed = try SafeguardCipher.seal(deposited, to: secret.publicKey, commitment: part2.cid)
        let deposit = try OrderDeposit(
            order: part1.cid, terms: terms, commitment: part2.cid, content: "text/plain", sealed: sealed)
        _ = try add(.deposit, deposit.encoded(), from: principal, to: [beneficiary, principal], answering: part2)
        let (winner, redemption) = try redeem(part1.cid, terms, part2, "for the notary")
        let (late, _) = try redeem(part1.cid, terms, part2, nil)
        let refusal = try OrderRefusal(
            order: part1.cid, terms: terms, use: 1, refused: late.cid, code: "not-first",
            reason: "another redemption came first", winner: winner.cid)
        _ = try add(.refusal, refusal.encoded(), from: fiduciary, to: [beneficiary, fiduciary], answering: late)
        let approvals = try approvers[..<2].map { approver in
            let signed = try SignedApproval(
                signing: OrderApproval(
                    order: part1.cid, redemption: winner.cid, use: 1, decision: .approve, expires: time + 600,
                    by: approver.0.cid), approver: approver.0.document, with: approver.0.sign)
            _ = try add(.approval, signed.block, from: approver, to: [fiduciary, approver], answering: winner)
            return signed
        }
        let release = try OrderRelease(
            order: part1.cid, terms: terms, use: redemption.use, redemption: winner.cid, received: time,
            released: time + 1, approvals: approvals.sorted { $0.approval.by < $1.approval.by },
            result: OrderFields([OrderKind.secret: .bytes(seed)]))
        _ = try add(.release, release.encoded(), from: fiduciary, to: [beneficiary], answering: winner)
        let destruction = try OrderDestruction(
            order: part1.cid, terms: terms, state: .done, epoch: 3, key: "dta/epoch/3", at: time + 2,
            statement: "what was released before cannot be destroyed")
        _ = try add(
            .destruction, destruction.encoded(), from: fiduciary, to: [principal, beneficiary, fiduciary],
            answering: part2)
        return OrderVector(
            about: "An order with a part of every kind: ordered, committed to, deposited, redeemed twice of which one "
                + "is refused, approved by two of three, released, destroyed.",
            people: everybody.map { PersonVector($0.0, signingSeed: $0.1) }, seed: hex(seed), deposited: hex(deposited),
            parts: parts)
    }

    private mutating func redeem(
        _ order: CID, _ terms: OrderTerms, _ part2: SignedEnvelope, _ purpose: String?
    ) throws -> (SignedEnvelope, OrderRedemption) {
        let nonce = Array(VectorGenerator.fixed("nonce \(purpose ?? "")").prefix(16))
        let redemption = try OrderRedemption(order: order, terms: terms, use: 1, nonce: nonce, purpose: purpose)
        return (
            try add(
                .redemption, redemption.encoded(), from: beneficiary, to: [fiduciary, beneficiary] + approvers,
                answering: part2), redemption
        )
    }

    private mutating func add(
        _ kind: OrderPartKind, _ plaintext: [UInt8], from sender: Somebody, to recipients: [Somebody],
        answering previous: SignedEnvelope? = nil
    ) throws -> SignedEnvelope {
        time += 1
        let label = "order part \(parts.count)"
        let key = VectorGenerator.fixed("\(label) key")
        let header = Envelope.Header(
            from: sender.person.cid, created: time, previous: previous?.cid,
            thread: Array(VectorGenerator.fixed("order thread").prefix(16)), content: kind.contentType)
        let envelope = try EnvelopeSealer.seal(
            plaintext.span, header: header, to: recipients.map(\.person.document),
            salt: VectorGenerator.fixed("\(label) salt"), contentKey: SymmetricKey(data: key))
        let signed = try SignedEnvelope(signing: envelope, sender: sender.person.document, with: sender.person.sign)
        let listed = recipients.sorted { $0.person.cid < $1.person.cid }
        parts.append(
            .init(
                kind: kind.rawValue, from: sender.person.document.identity.name,
                to: listed.map(\.person.document.identity.name), previous: previous?.cid.description,
                contentKey: hex(key), plaintext: hex(plaintext),
                opens: try VectorGenerator.wrap(
                    envelope.wrap(for: recipients[0].person.cid), for: recipients[0].person,
                    coreHash: envelope.coreHash, contentKey: key),
                block: hex(signed.block), cid: signed.cid.description))
        return signed
    }
}
