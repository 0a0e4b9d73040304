import CustodyProtocol
import DTAFormats
import DTASystem
import Foundation
import TestSupport
import Testing

/// dtad-hsm as a front that was taken over would drive it: it has every block that ever passed, can ask anything, and
/// wants a secret for somebody else, or earlier, or without those who must agree.
@Suite("What a captured front cannot have released", .ownThread)
struct ForgedReleaseTests {
    let host: OrderHost
    /// Another order of the same people at the same fiduciary.
    let other: OrderHost.Taken
    let thief: Remote

    init() throws {
        host = try OrderHost()
        other = try host.take()
        thief = try Remote("thief")
    }

    private var documents: [[UInt8]] { host.documents + [thief.document.block] }

    @Test("a captured front has nothing released by a redemption of anybody but a redeemer")
    func otherRedeemer() throws {
        let taken = try host.take()
        for sender in [thief, host.principal, host.approvers[0]] {
            let redemption = try host.redeem(taken, by: sender)
            host.refused(.permissionDenied) {
                try host.release(taken, redemption.block, documents: documents)
            }
        }
        // One that claims to be the beneficiary's.
        let forged = try host.redeem(taken).signed(by: thief)
        host.refused(.dataLoss) { try host.release(taken, forged, documents: documents) }
        // The fiduciary's own identity, with which a front can sign.
        let own = try OrderRedemption(
            order: taken.part1.cid, terms: taken.order.terms, use: 1, nonce: [UInt8](repeating: 0, count: 16))
        let signed = try host.fiduciary.part(
            host.custody, .redemption, own.encoded(), to: [host.fiduciary.document], answering: taken.part2)
        host.refused(.permissionDenied) { try host.release(taken, signed.block) }
    }

    @Test(
        "a captured front has nothing released by a redemption whose terms name another recipient, or that is of another order"
    )
    func otherTerms() throws {
        let taken = try host.take()
        let terms = [
            try host.terms(recipient: thief), try host.terms(redeemers: [host.beneficiary, thief]),
            try host.terms(maxUses: 9),
        ]
        for terms in terms {
            let redemption = try host.redeem(taken, terms: terms)
            host.refused(.permissionDenied) {
                try host.release(taken, redemption.block, documents: documents)
            }
        }
        // A genuine one of another order, and one of this order in another's thread.
        host.refused(.permissionDenied) { try host.release(taken, host.redeem(other).block) }
        host.refused(.permissionDenied) { try host.release(taken, host.redeem(other, order: taken.part1.cid).block) }
        host.refused(.permissionDenied) { try host.release(taken, host.redeem(taken, order: other.part1.cid).block) }
    }

    @Test("a captured front has no sealed blob of another order released, nor one under another order's name")
    func swappedBlobs() throws {
        // An order in which the thief redeems, made rightly at this fiduciary.
        let bait = try host.take(host.terms(redeemers: [thief], recipient: thief))
        let taken = try host.take()
        let redemption = try host.redeem(bait, by: thief)
        _ = try host.release(bait, redemption.block, documents: documents)
        host.refused(.dataLoss, "another's blob") {
            try host.release(bait, redemption.block, sealed: taken.sealed, documents: documents)
        }
        host.refused(.permissionDenied, "another's order") {
            try host.release(
                bait, redemption.block, sealed: taken.sealed, order: taken.part1.cid, documents: documents)
        }
        host.refused(.dataLoss, "another's name") {
            try host.release(bait, redemption.block, order: taken.part1.cid, documents: documents)
        }
    }

    @Test("a captured front has no blob released that was altered, or that is none of an order")
    func alteredBlobs() throws {
        let taken = try host.take()
        let redemption = try host.redeem(taken).block
        for index in stride(from: 0, to: taken.sealed.count, by: 29) {
            host.refused(.dataLoss, "byte \(index)") {
                try host.release(taken, redemption, sealed: taken.sealed.flipped(at: index))
            }
        }
        let id = taken.part1.cid.bytes
        let state = try host.custody.ask(SealState(plaintext: taken.sealed, purpose: "order", id: id))
        for blob in [[], [1], state, host.fiduciary.keys.sealedSeed, Array(taken.sealed.dropLast())] {
            host.refused(.dataLoss) { try host.release(taken, redemption, sealed: blob) }
        }
        // Nor does the front read an order's blob as a row of its own.
        for purpose in ["order", "dta/epoch/1"] {
            host.refused(.dataLoss) {
                try host.custody.ask(UnsealState(sealed: taken.sealed, purpose: purpose, id: id))
            }
        }
    }

    @Test("a captured front has nothing released by a part that was altered, or that is no redemption")
    func alteredParts() throws {
        let taken = try host.take()
        let redemption = try host.redeem(taken)
        // Every byte is the signature's, is signed, or keeps the block from being one.
        for index in stride(from: 0, to: redemption.block.count, by: 41) {
            do {
                _ = try host.release(taken, redemption.block.flipped(at: index))
                Issue.record("released with byte \(index) altered")
            } catch {
                let code = DTAError(error).code
                #expect(
                    [.dataLoss, .invalidArgument, .failedPrecondition, .permissionDenied].contains(code), "\(error)")
            }
        }
        for part in [taken.part1, taken.part2] {
            host.refused(.permissionDenied) { try host.release(taken, part.block) }
        }
        host.refused(.invalidArgument) { try host.release(taken, []) }
        host.refused(.invalidArgument) { try host.release(taken, redemption.block + [0]) }
        // A redemption in an envelope of another media type, and another part in one of a redemption.
        let plaintext = try OrderRedemption(
            order: taken.part1.cid, terms: taken.order.terms, use: 1, nonce: [UInt8](repeating: 0, count: 16)
        ).encoded()
        let mislabelled = try host.beneficiary.part(
            .deposit, plaintext, to: [host.fiduciary.document], answering: taken.part2)
        host.refused(.permissionDenied) { try host.release(taken, mislabelled.block) }
        let disguised = try host.beneficiary.part(
            .redemption, taken.order.encoded(), to: [host.fiduciary.document], answering: taken.part2)
        host.refused(.invalidArgument) { try host.release(taken, disguised.block) }
        let rootless = try host.beneficiary.part(.redemption, plaintext, to: [host.fiduciary.document])
        host.refused(.permissionDenied) { try host.release(taken, rootless.block) }
    }

    @Test("a captured front has no use released beyond those that the order is for")
    func uses() throws {
        let taken = try host.take(host.terms(maxUses: 2))
        for use in 1...2 { _ = try host.release(taken, host.redeem(taken, use: use).block) }
        guard case .map(var map) = try DAGCBOR.decode(host.redemptionPlaintext(taken)) else { return }
        for use: Int64 in [0, 3, -1, 1_000_001] {
            map["use"] = .integer(use)
            let redemption = try host.beneficiary.part(
                .redemption, DAGCBOR.encode(.map(map)), to: [host.fiduciary.document], answering: taken.part2)
            host.refused(.invalidArgument, "use \(use)") { try host.release(taken, redemption.block) }
        }
    }

    @Test("a captured front has nothing released before or after the order's times, by dtad-hsm's own clock")
    func times() throws {
        let now = OrderHost.now
        let early = try host.take(host.terms(notBefore: now + 3600))
        let late = try host.take(host.terms(notBefore: now - 7200, notAfter: now - 3600))
        for received in [now, now + 3600, now - 3600, now - 5000, 0] {
            for taken in [early, late] {
                let redemption = try host.redeem(taken).block
                host.refused(.failedPrecondition) { try host.release(taken, redemption, received: received) }
            }
        }
        let open = try host.take(host.terms(notBefore: now - 60, notAfter: now + 3600))
        let redemption = try host.redeem(open).block
        host.refused(.failedPrecondition) { try host.release(open, redemption, received: now - 61) }
        host.refused(.failedPrecondition) { try host.release(open, redemption, received: now + 1000) }
        host.refused(.invalidArgument) { try host.release(open, redemption, received: -1) }
        _ = try host.release(open, redemption)
    }

    @Test("a captured front has nothing released for a fiduciary that the order does not name")
    func otherFiduciary() throws {
        let taken = try host.take()
        // Another identity of the same user on the same token, and the order's, under another user.
        let second = try HeldIdentity(host.custody, name: "second")
        let redemption = try host.redeem(taken, to: second.document)
        let documents = host.documents + [second.document.block]
        host.refused(.permissionDenied) {
            try host.release(taken, redemption.block, documents: documents, fiduciary: second.recipientKey)
        }
        host.refused(.permissionDenied) {
            try host.release(taken, redemption.block, documents: documents)
        }
        var stolen = host.fiduciary.recipientKey
        stolen.owner = ObjectOwner(uid: 1001)
        host.refused(.dataLoss) { try host.release(taken, host.redeem(taken).block, fiduciary: stolen) }
        let stranger = try HeldIdentity(host.custody, owner: ObjectOwner(uid: 1001), name: "stranger")
        host.refused(.dataLoss) {
            try host.release(taken, host.redeem(taken).block, fiduciary: stranger.recipientKey)
        }
        var mixed = host.fiduciary.recipientKey
        mixed.kem = stranger.kem
        host.refused(.permissionDenied) { try host.release(taken, host.redeem(taken).block, fiduciary: mixed) }
    }
}

extension OrderHost {
    func redemptionPlaintext(_ taken: Taken) throws -> [UInt8] {
        try OrderRedemption(
            order: taken.part1.cid, terms: taken.order.terms, use: 1, nonce: [UInt8](repeating: 0, count: 16)
        ).encoded()
    }
}
