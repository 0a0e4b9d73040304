import Crypto
import CustodyProtocol
import DTASystem
import Foundation
import GRDB
import TestSupport
import Testing

@testable import DTAAgent
@testable import DTACore
@testable import DTAFormats
@testable import DTAIdentities
@testable import DTALedger
@testable import DTAOrders

/// What strangers, and parties who do not keep to the rules, leave behind at a fiduciary.
@Suite("Beside an order")
struct OrderIntruderTests {
    private let host: Host
    private let me: SignedIdentity
    private let victim: Correspondent
    private let thief: Correspondent

    init() throws {
        host = try Host()
        let cid = try host.identity("me").cid
        me = try SignedIdentity(block: host.core.ledger.get("\(cid)").bytes)
        let kem = try Correspondent.kem()
        (victim, thief) = (try Correspondent("victim", kem: kem), try Correspondent("thief", kem: kem))
        for somebody in [victim, thief] {
            _ = try host.core.ledger.put(alice, data: somebody.document.block, contentType: dagCBOR)
        }
        _ = try host.core.identities.trust(root, "\(victim.document.cid)", alias: "victim", url: "")
    }

    private func terms(_ principal: Correspondent) throws -> OrderTerms {
        try OrderTerms(
            fiduciary: me.cid, principal: principal.document.cid, redeemers: [principal.document.cid],
            recipient: principal.document.cid)
    }

    private func put(
        _ plaintext: [UInt8], _ kind: OrderPartKind, from sender: Correspondent, thread: [UInt8], previous: CID? = nil,
        to recipients: [SignedIdentity]? = nil
    ) throws -> SignedEnvelope {
        let header = Envelope.Header(
            from: sender.document.cid, created: Int64(Date().timeIntervalSince1970), previous: previous, thread: thread,
            content: kind.contentType)
        let random = { (0..<32).map { _ in UInt8.random(in: 0...255) } }
        let signed = try sender.sign(
            EnvelopeSealer.seal(
                plaintext.span, header: header, to: (recipients ?? [me]) + [sender.document], salt: random(),
                contentKey: SymmetricKey(size: .bits256)))
        _ = try host.core.ledger.put(alice, data: signed.block, contentType: dagCBOR)
        return signed
    }

    private func order(_ principal: Correspondent, _ thread: [UInt8]) throws -> SignedEnvelope {
        try put(
            Order(kind: OrderKind.secret, terms: terms(principal)).encoded(), .order, from: principal, thread: thread)
    }

    /// One of use 1 that answers part 1: there is no part 2 that it could.
    private func redemption(of order: SignedEnvelope, by sender: Correspondent) throws -> SignedEnvelope {
        let asked = try OrderRedemption(
            order: order.cid, terms: terms(victim), use: 1, nonce: (0..<16).map { _ in UInt8.random(in: 0...255) })
        return try put(
            asked.encoded(), .redemption, from: sender, thread: order.envelope.header.thread, previous: order.cid)
    }

    @discardableResult
    private func receive(_ part: SignedEnvelope) throws -> OrderAnswer {
        try host.core.orders.receive(alice, "\(part.cid)")(host.custodian)
    }

    private func parts(_ order: SignedEnvelope) throws -> [StoredOrderPart] {
        try host.core.orders.show(alice, "\(order.cid)")(host.custodian).parts.map(\.part)
    }

    private let thread = (0..<16).map { _ in UInt8.random(in: 0...255) }

    @Test(
        "an order's principal begins no other order in its thread, and another principal's order there does not keep it out"
    )
    func takenThread() throws {
        let first = try order(victim, thread)
        #expect(try receive(first).order.state == .ordered)
        let second = try order(victim, thread)
        for _ in 1...2 {
            let refused = try refusal { try receive(second) }
            #expect(refused.code == .failedPrecondition && refused.message.contains("thread"), "\(refused)")
        }
        #expect(try parts(first).map(\.status) == [.accepted, .refused])
        #expect(try receive(order(thief, thread)).order.state == .refused, "by the rules, as any other of his")
        let listed = try host.core.orders.list(root, count: 10, cursor: "", filters: OrderFilters([])).items
        #expect(listed.count == 2)
        let ambiguous = try refusal { _ = try host.core.orders.show(alice, listed[0].reference) }
        #expect(ambiguous.message.contains("\(first.cid)"), "\(ambiguous)")
        // The first one goes on, and comes again as if nothing had been.
        #expect(try receive(first).order.state == .ordered)
        let refused = try host.core.orders.fulfil(alice, "\(first.cid)", decision: "refuse", reason: "no")(
            host.custodian)
        #expect(refused.order.state == .refused)
    }

    @Test(
        "another's order that came first in its thread keeps an order out neither of its fiduciary's host nor of others"
    )
    func squattedThread() throws {
        #expect(try receive(order(thief, thread)).order.state == .refused)
        #expect(try receive(order(victim, thread)).order.state == .ordered)

        // Here of no beneficiary's host: part 2 is the first that comes.
        let bank = try Correspondent("bank", kem: Correspondent.kem())
        _ = try host.core.ledger.put(alice, data: bank.document.block, contentType: dagCBOR)
        let other = (0..<16).map { _ in UInt8.random(in: 0...255) }
        func commitment(by fiduciary: Correspondent, to principal: Correspondent) throws -> SignedEnvelope {
            let terms = try OrderTerms(
                fiduciary: fiduciary.document.cid, principal: principal.document.cid, redeemers: [me.cid],
                recipient: me.cid)
            let part1 = try put(
                Order(kind: OrderKind.secret, terms: terms).encoded(), .order, from: principal, thread: other,
                to: [fiduciary.document])
            let secret = Secp256k1Scalar.generate()
            let commitment = try OrderCommitment(
                order: part1.cid, kind: OrderKind.secret, terms: terms, publicKey: secret.publicKey.bytes,
                proof: CommitmentProof.make(for: part1.cid, with: secret))
            return try put(commitment.encoded(), .commitment, from: fiduciary, thread: other, previous: part1.cid)
        }
        let squatter = try receive(commitment(by: thief, to: thief)).order
        let real = try receive(commitment(by: bank, to: victim)).order
        #expect(squatter.state == .committed && real.state == .committed && squatter.cid != real.cid)
    }

    @Test("strangers' parts are not opened, and do not take the room of the reasons that a party is told")
    func strangers() throws {
        let first = try order(victim, thread)
        try receive(first)
        let opened = Locked(0)
        host.custodian.before.withLock { $0 = { if $0 == "openKey" { opened.withLock { $0 += 1 } } } }
        for _ in 0..<OrderPartTable.refusedOfStrangers + 5 {
            let refused = try refusal { try receive(redemption(of: first, by: thief)) }
            #expect(refused.code == .permissionDenied && refused.message.contains("by its terms"))
        }
        #expect(opened.withLock { $0 } == 0)
        host.custodian.failNothing()
        func refused(_ sender: Correspondent) throws -> [StoredOrderPart] {
            try parts(first).filter { $0.status == .refused && $0.from == sender.document.cid }
        }
        #expect(try refused(thief).count == OrderPartTable.refusedOfStrangers)

        let early = try redemption(of: first, by: victim)
        #expect(try receive(early).parts.map(\.part.kind) == [.refusal])
        let told = try #require(try refused(victim).first)
        #expect(told.cid == early.cid && told.reason.contains("before the fiduciary committed itself"))
    }

    @Test("a sender that is refused again and again is told so, and from some time on without a signature")
    func oneParty() throws {
        let first = try order(victim, thread)
        try receive(first)
        for _ in 0..<OrderPartTable.refusedOfOne {
            #expect(try receive(redemption(of: first, by: victim)).parts.map(\.part.kind) == [.refusal])
        }
        let last = try redemption(of: first, by: victim)
        #expect(try refusal { try receive(last) }.code == .failedPrecondition)
        let all = try parts(first)
        #expect(all.count { $0.status == .refused } == OrderPartTable.refusedOfOne)
        #expect(all.count { $0.kind == .refusal } == OrderPartTable.refusedOfOne)
    }

    @Test("a refused order is not counted against who brought it")
    func usage() throws {
        func used() throws -> Int {
            try host.core.orders.store.read {
                try Int.fetchOne($0, sql: "SELECT count FROM order_usage WHERE owner_uid = 1000") ?? 0
            }
        }
        // Not trusted: refused by the rules.
        #expect(try receive(order(thief, (0..<16).map { _ in UInt8.random(in: 0...255) })).order.state == .refused)
        #expect(try used() == 0)
        let kept = try order(victim, thread)
        try receive(kept)
        try receive(kept)
        #expect(try used() == 1)
        for _ in 1...2 {
            _ = try host.core.orders.fulfil(alice, "\(kept.cid)", decision: "refuse", reason: "no")(host.custodian)
            #expect(try used() == 0)
        }
    }
}
