import AgentProtocol
import DTAFormats
import DTASystem
import Foundation
import TestSupport
import Testing

/// Orders between three agents. What a courier does is done by hand: blocks by LEDGER_PUT, then ORDER_RECEIVE.
@Suite("An order between hosts", .ownThread)
struct OrderCarryTests {
    @Test("an order between hosts reaches the beneficiary on a third host, and nobody else can read what it gets")
    func threeHosts() throws {
        let hosts = try Hosts()
        let order = try order(hosts)
        let committed = try carry(order, hosts.principal, hosts.fiduciary)
        #expect(committed.last?.parts.map(\.kind) == ["commitment"])
        // The beneficiary was not there when the order was made.
        try carry(order, hosts.fiduciary, hosts.beneficiary)
        try carry(order, hosts.fiduciary, hosts.principal)
        let asked = try hosts.beneficiary.client().call(.redeemOrder(order))
        #expect(asked.orders.first?.state == "requested")
        let released = try #require(try carry(order, hosts.beneficiary, hosts.fiduciary).last)
        #expect(released.orders.first?.state == "exhausted")
        #expect(released.parts.map(\.kind) == ["release"])
        // A replay has the same answer.
        let replayed = try #require(try carry(order, hosts.beneficiary, hosts.fiduciary, only: ["redemption"]).last)
        #expect(replayed.parts.map(\.cid) == released.parts.map(\.cid))
        // The principal can prove that it happened, and not read it.
        try carry(order, hosts.fiduciary, hosts.principal)
        try carry(order, hosts.fiduciary, hosts.beneficiary)
        for host in hosts.all { #expect(try state(order, host) == "exhausted") }
        #expect(try hosts.principal.client().refusal(.orderResult(order)).code == .permissionDenied)
        #expect(try hosts.fiduciary.client().refusal(.orderResult(order)).code == .permissionDenied)
        let secret = try hosts.beneficiary.client().call(.orderResult(order)).data
        let commitment = try hosts.principal.client().call(.showOrder(order)).orders.first?.commitment
        #expect(try Data(Secp256k1Scalar([UInt8](secret)).publicKey.bytes) == commitment)
    }

    @Test("an order between hosts has one redemption at a time: the second gets a signed refusal that names the first")
    func rivals() throws {
        let hosts = try Hosts("orders:\n  accept:\n    - { commit: auto }")
        let order = try order(hosts) { $0.redeemers = ["heir", "alice"] }
        try carry(order, hosts.principal, hosts.fiduciary)
        try carry(order, hosts.fiduciary, hosts.beneficiary)
        try carry(order, hosts.fiduciary, hosts.principal)
        let first = try hosts.beneficiary.client().call(.redeemOrder(order)).cid(of: "redemption")
        let second = try hosts.principal.client().call(.redeemOrder(order)).cid(of: "redemption")
        try carry(order, hosts.beneficiary, hosts.fiduciary)
        let refused = try #require(try carry(order, hosts.principal, hosts.fiduciary).last)
        #expect(refused.parts.map(\.kind) == ["refusal"])
        #expect(refused.orders.first?.state == "requested")
        let again = try #require(try carry(order, hosts.principal, hosts.fiduciary).last)
        #expect(again.parts.map(\.cid) == refused.parts.map(\.cid), "the same refusal, not another")
        let shown = try hosts.fiduciary.client().call(.showOrder(order)).parts
        #expect(shown.first { $0.cid == second }?.status == "refused")
        #expect(shown.first { $0.cid == first }?.status == "accepted")
        let released = try hosts.fiduciary.client().call(.fulfilOrder(order))
        #expect(released.parts.first?.previous == first)
    }

    @Test(
        "an order between hosts whose redemption was refused by signature is not released for it later, whatever may be released then"
    )
    func refusedForGood() throws {
        let hosts = try Hosts("orders:\n  accept:\n    - { commit: auto }")
        let order = try order(hosts) { $0.redeemers = ["heir", "alice"] }
        try carry(order, hosts.principal, hosts.fiduciary)
        try carry(order, hosts.fiduciary, hosts.beneficiary)
        try carry(order, hosts.fiduciary, hosts.principal)
        _ = try hosts.beneficiary.client().call(.redeemOrder(order))
        _ = try hosts.principal.client().call(.redeemOrder(order))
        try carry(order, hosts.beneficiary, hosts.fiduciary)
        let taken = try #require(try carry(order, hosts.principal, hosts.fiduciary).last).parts.map(\.cid)
        // The one that was first is refused as well: the slot is free again.
        #expect(
            try hosts.fiduciary.client().call(.fulfilOrder(order, decision: "refuse")).orders.first?.state
                == "committed")
        let again = try #require(try carry(order, hosts.principal, hosts.fiduciary, only: ["redemption"]).last)
        #expect(again.parts.map(\.cid) == taken)
        #expect(try state(order, hosts.fiduciary) == "committed")
        // Who has been told so asks anew, and gets it.
        try carry(order, hosts.fiduciary, hosts.principal, only: ["refusal"])
        #expect(try state(order, hosts.principal) == "committed")
        _ = try hosts.principal.client().call(.redeemOrder(order))
        try carry(order, hosts.principal, hosts.fiduciary)
        #expect(try hosts.fiduciary.client().call(.fulfilOrder(order)).orders.first?.state == "exhausted")
        try carry(order, hosts.fiduciary, hosts.principal)
        #expect(try state(order, hosts.principal) == "exhausted")
    }

    @Test(
        "an order between hosts is complete for a host that hears of its redeemer's replacement before it sees the redemption"
    )
    func rotatedRedeemer() throws {
        let hosts = try Hosts()
        let order = try order(hosts) { $0.redeemers = ["heir", "alice"] }
        try carry(order, hosts.principal, hosts.fiduciary)
        try carry(order, hosts.fiduciary, hosts.principal)
        _ = try hosts.principal.client().call(.redeemOrder(order))
        try carry(order, hosts.principal, hosts.fiduciary)
        #expect(try state(order, hosts.fiduciary) == "exhausted")
        let next = try hosts.principal.client().call(.rotateIdentity("alice")).cid
        try hosts.principal.bring(historyOf: next, to: hosts.beneficiary)
        try carry(order, hosts.fiduciary, hosts.beneficiary)
        #expect(try state(order, hosts.beneficiary) == "exhausted")
        let shown = try hosts.beneficiary.client().call(.showOrder(order)).parts
        #expect(shown.first { $0.kind == "redemption" }?.status == "accepted")
        #expect(try hosts.beneficiary.client().call(.orderResult(order)).data.count == 32)
    }

    @Test("an order between hosts is frozen where its fiduciary commits to it twice, and the evidence is kept")
    func doubleDealing() throws {
        let hosts = try Hosts("orders:\n  accept:\n    - {}")
        let order = try order(hosts)
        try carry(order, hosts.principal, hosts.fiduciary)
        // The fiduciary's agent from a copy of its state: another seed.
        #expect(hosts.fiduciary.stop() == 0)
        let copy = try hosts.fiduciary.copyState()
        func commit() throws {
            try hosts.fiduciary.start()
            _ = try hosts.fiduciary.client().call(.fulfilOrder(order))
            try carry(order, hosts.fiduciary, hosts.principal)
            #expect(hosts.fiduciary.stop() == 0)
        }
        try commit()
        #expect(try state(order, hosts.principal) == "committed")
        try hosts.fiduciary.rollBack(copy)
        try commit()
        let shown = try hosts.principal.client().call(.showOrder(order))
        #expect(shown.orders.first?.state == "frozen")
        #expect(shown.orders.first?.reason.contains("twice") == true)
        #expect(shown.parts.map(\.status) == ["accepted", "accepted", "evidence"])
    }

    @Test("an order of a principal that is not trusted is refused, signed and on record")
    func untrusted() throws {
        let hosts = try Hosts(trusting: false)
        let fiduciary = try #require(
            hosts.fiduciary.client().call(.list(.identityList)).identities.first { $0.name == "bank" })
        let heir = try #require(
            hosts.beneficiary.client().call(.list(.identityList)).identities.first { $0.name == "heir" })
        let made = try hosts.principal.client().call(
            newOrder {
                $0.fiduciary = fiduciary.cid
                $0.beneficiary = heir.cid
                $0.redeemers = [heir.cid]
            })
        let order = try made.cid(of: "order")
        let refused = try #require(try carry(order, hosts.principal, hosts.fiduciary).last)
        #expect(refused.orders.first?.state == "refused")
        #expect(refused.parts.map(\.kind) == ["refusal"])
        try carry(order, hosts.fiduciary, hosts.principal)
        #expect(try state(order, hosts.principal) == "refused")
    }

    @Test(
        "an order between hosts does not take parts that come before what they follow, nor from those who have no part in it"
    )
    func strangers() throws {
        let hosts = try Hosts()
        let order = try order(hosts)
        try carry(order, hosts.principal, hosts.fiduciary)
        try carry(order, hosts.fiduciary, hosts.beneficiary)
        _ = try hosts.beneficiary.client().call(.redeemOrder(order))
        let parts = try hosts.beneficiary.client().call(.showOrder(order)).parts
        let redemption = try #require(parts.last)
        // The principal does not have part 2 yet, nor its block.
        try hosts.beneficiary.bring(redemption.cid, to: hosts.principal)
        #expect(try hosts.principal.client().refusal(.receiveOrderPart(redemption.cid)).code != .internal)
        #expect(try state(order, hosts.principal) == "ordered")
        // The judge is no redeemer, and makes an envelope that looks like one.
        let head = try #require(parts.first { $0.kind == "commitment" })
        var forged = AgentRequest(.envelopeSeal, subject: "judge", data: Array("no redemption".utf8))
        forged.identities = ["bank"]
        forged.contentType = OrderPartKind.redemption.contentType
        forged.replyTo = head.cid
        let cid = try hosts.beneficiary.client().call(forged).cid
        try hosts.beneficiary.bring(cid, to: hosts.fiduciary)
        #expect(
            [.invalidArgument, .permissionDenied].contains(
                try hosts.fiduciary.client().refusal(.receiveOrderPart(cid)).code))
        #expect(try state(order, hosts.fiduciary) == "committed")
    }
}
