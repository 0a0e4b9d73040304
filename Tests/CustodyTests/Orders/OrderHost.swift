import CustodyProtocol
import DTAFormats
import DTASystem
import Foundation
import TestSupport
import Testing

/// A fiduciary's dtad-hsm with a real token, and the people of an order elsewhere. The test is the front.
struct OrderHost {
    let token: TestToken
    let custody: CustodyConnection
    let fiduciary: HeldIdentity
    let principal: Remote
    let beneficiary: Remote
    let approvers: [Remote]

    /// - Parameter custody: a connection to a dtad-hsm of this token; nil: one of its own.
    init(_ token: TestToken? = nil, _ custody: CustodyConnection? = nil) throws {
        self.token = try token ?? TestToken()
        self.custody = try custody ?? HSMProcess(self.token).connect()
        fiduciary = try HeldIdentity(self.custody, name: "fiduciary")
        principal = try Remote("principal")
        beneficiary = try Remote("beneficiary")
        approvers = try (0..<3).map { try Remote("approver \($0)") }
        try self.custody.ask(NewEpoch(number: 1))
    }

    var documents: [[UInt8]] {
        [fiduciary.document.block] + ([principal, beneficiary] + approvers).map(\.document.block)
    }

    /// An order that this host has taken.
    struct Taken {
        let order: Order
        let part1: SignedEnvelope
        let part2: SignedEnvelope
        let sealed: [UInt8]
        /// The committed public key.
        let publicKey: [UInt8]
        let proof: [UInt8]
    }

    func terms(
        redeemers: [Remote]? = nil, recipient: Remote? = nil, approvals: Int = 0, approvers: [Remote]? = nil,
        notBefore: Int64? = nil, notAfter: Int64? = nil, maxUses: Int = 1, principal: CID? = nil, fiduciary: CID? = nil
    ) throws -> OrderTerms {
        try OrderTerms(
            fiduciary: fiduciary ?? self.fiduciary.document.cid, principal: principal ?? self.principal.cid,
            beneficiary: beneficiary.cid, redeemers: (redeemers ?? [beneficiary]).map(\.cid),
            recipient: (recipient ?? beneficiary).cid,
            approvers: approvals == 0 ? [] : (approvers ?? self.approvers).map(\.cid), approvals: approvals,
            notBefore: notBefore, notAfter: notAfter, maxUses: maxUses)
    }

    func part1(_ order: Order) throws -> SignedEnvelope {
        try principal.part(.order, order.encoded(), to: [fiduciary.document, principal.document])
    }

    /// Takes an order of any kind but `sign`.
    func take(
        _ terms: OrderTerms? = nil, kind: String = OrderKind.secret, fields: OrderFields = .none, epoch: UInt32 = 1
    ) throws -> Taken {
        let order = try Order(kind: kind, terms: terms ?? self.terms(), fields: fields)
        let part1 = try part1(order)
        let made = try custody.ask(
            NewSeed(
                fiduciary: fiduciary.recipientKey, order: SignedBlock(part1.block),
                documents: documents.map(SignedBlock.init), epoch: epoch))
        return try Taken(
            order: order, part1: part1,
            part2: commit(order, part1, publicKey: made.publicKey, proof: made.proof), sealed: made.sealed,
            publicKey: made.publicKey, proof: made.proof)
    }

    func commit(
        _ order: Order, _ part1: SignedEnvelope, publicKey: [UInt8], proof: [UInt8]
    ) throws -> SignedEnvelope {
        let commitment = try OrderCommitment(
            order: part1.cid, kind: order.kind, terms: order.terms, publicKey: publicKey, proof: proof)
        return try fiduciary.part(
            custody, .commitment, commitment.encoded(), to: [principal.document, beneficiary.document],
            answering: part1)
    }

    func redeem(
        _ taken: Taken, by sender: Remote? = nil, terms: OrderTerms? = nil, order: CID? = nil, use: Int = 1,
        request: OrderFields = .none, to recipient: SignedIdentity? = nil
    ) throws -> SignedEnvelope {
        let redemption = try OrderRedemption(
            order: order ?? taken.part1.cid, terms: terms ?? taken.order.terms, use: use,
            nonce: (0..<16).map { _ in .random(in: 0...255) }, request: request)
        return try (sender ?? beneficiary).part(
            .redemption, redemption.encoded(), to: [recipient ?? fiduciary.document], answering: taken.part2)
    }

    /// Asks dtad-hsm to release, with what the arguments name in place of what is right.
    func release(
        _ taken: Taken, _ redemption: [UInt8], approvals: [SignedApproval] = [], sealed: [UInt8]? = nil,
        order: CID? = nil, documents: [[UInt8]]? = nil, fiduciary: RecipientKey? = nil, received: Int64? = nil,
        by connection: CustodyConnection? = nil
    ) throws -> Envelope {
        let answer = try (connection ?? custody).ask(
            Release(
                RedemptionRequest(
                    fiduciary: fiduciary ?? self.fiduciary.recipientKey, sealed: sealed ?? taken.sealed,
                    order: (order ?? taken.part1.cid), redemption: SignedBlock(redemption),
                    approvals: approvals.map { SignedBlock($0.block) },
                    documents: (documents ?? self.documents).map(SignedBlock.init), received: received ?? OrderHost.now)
            ))
        return try Envelope(encoded: answer)
    }

    static var now: Int64 { Int64(time(nil)) }

    /// What the recipient reads in part 4.
    func read(_ envelope: Envelope, as recipient: Remote) throws -> OrderRelease {
        try OrderRelease(recipient.open(envelope))
    }

    /// Expects a refusal, after which dtad-hsm goes on.
    func refused(
        _ code: ErrorCode, _ what: String = "", at location: SourceLocation = #_sourceLocation,
        _ body: () throws -> some Any
    ) {
        do {
            _ = try body()
            Issue.record("not refused: \(what)", sourceLocation: location)
        } catch let error as DTAError {
            #expect(error.code == code, "\(what): \(error)", sourceLocation: location)
        } catch {
            Issue.record("not a DTAError: \(error) \(what)", sourceLocation: location)
        }
        #expect(!custody.isBroken, sourceLocation: location)
    }
}
