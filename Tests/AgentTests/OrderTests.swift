import AgentProtocol
import Crypto
import DTABytes
import DTAFormats
import DTASystem
import Foundation
import TestSupport
import Testing

/// Orders through the agent's socket, with real dtad-hsm and a real token, all roles on one agent.
@Suite("An order", .ownThread)
struct OrderTests {
    private func agent(_ configuration: String = automaticOrders) throws -> (TestAgent, BlockingAgentClient) {
        let agent = try TestAgent(more: configuration)
        let client = agent.client()
        for name in ["alice", "bank", "heir", "judge"] { _ = try client.call(.createIdentity(name)) }
        return (agent, client)
    }

    @Test("an order of a secret goes from part 1 to part 4 on one agent, and gives what was committed to")
    func secret() throws {
        let (held, client) = try agent()
        defer { held.stop() }
        let made = try client.call(newOrder())
        let order = try #require(made.orders.first)
        #expect(order.state == "committed")
        #expect(order.type == "secret")
        #expect(order.commitment.count == 33)
        #expect(made.parts.map(\.kind) == ["order", "commitment"])
        let redeemed = try client.call(.redeemOrder(order.reference, purpose: "because"))
        #expect(redeemed.orders.first?.state == "exhausted")
        #expect(redeemed.parts.map(\.kind) == ["redemption", "release"])
        let result = try client.call(.orderResult(String(order.reference.prefix(8))))
        let scalar = try Secp256k1Scalar([UInt8](result.data))
        #expect(Data(scalar.publicKey.bytes) == order.commitment)
        let shown = try client.call(.showOrder(order.cid))
        #expect(shown.parts.map(\.kind) == ["order", "commitment", "redemption", "release"])
        #expect(shown.parts.map(\.status) == Array(repeating: "accepted", count: 4))
        #expect(shown.parts[2].purpose == "because")
        #expect(shown.orders.first?.roles == ["principal", "fiduciary", "redeemer", "recipient"])
        #expect(try client.call(.listOrders()).orders.map(\.cid) == [order.cid])
        #expect(try client.refusal(.redeemOrder(order.cid)).code == .failedPrecondition)
        #expect(try client.refusal(.showOrder("aaaaaaaa")).code == .notFound)
        #expect(try client.refusal(.showOrder("a?")).code == .invalidArgument)
    }

    @Test("an order waits for a hand where no rule says otherwise, and the same decision again has the same answer")
    func byHand() throws {
        let (held, client) = try agent("")
        defer { held.stop() }
        let order = try #require(client.call(newOrder()).orders.first)
        #expect(order.state == "ordered")
        #expect(try client.refusal(.redeemOrder(order.cid)).code == .failedPrecondition)
        let committed = try client.call(.fulfilOrder(order.cid))
        #expect(committed.orders.first?.state == "committed")
        #expect(
            try client.call(.fulfilOrder(order.cid, decision: "commit")).parts.map(\.cid) == committed.parts.map(\.cid))
        #expect(try client.refusal(.fulfilOrder(order.cid, decision: "release")).code == .failedPrecondition)
        let redeemed = try client.call(.redeemOrder(order.cid, purpose: "now"))
        #expect(redeemed.orders.first?.state == "requested")
        #expect(try client.call(.redeemOrder(order.cid, purpose: "now")).parts.map(\.cid) == redeemed.parts.map(\.cid))
        #expect(try client.refusal(.redeemOrder(order.cid, purpose: "other")).code == .failedPrecondition)
        let released = try client.call(.fulfilOrder(order.cid))
        #expect(released.orders.first?.state == "exhausted")
        #expect(
            try client.call(.fulfilOrder(order.cid, decision: "release")).parts.map(\.cid) == released.parts.map(\.cid))
        #expect(try client.call(.orderResult(order.cid)).data.count == 32)
    }

    @Test("an order can be refused by hand, before it is committed to and at each redemption")
    func refusals() throws {
        let (held, client) = try agent("")
        defer { held.stop() }
        let first = try #require(client.call(newOrder()).orders.first)
        let refused = try client.call(.fulfilOrder(first.cid, decision: "refuse", purpose: "not today"))
        #expect(refused.orders.first?.state == "refused")
        #expect(refused.orders.first?.reason == "not today")
        #expect(refused.parts.map(\.kind) == ["refusal"])
        #expect(try client.refusal(.fulfilOrder(first.cid, decision: "commit")).code == .failedPrecondition)

        let second = try #require(client.call(newOrder()).orders.first)
        _ = try client.call(.fulfilOrder(second.cid))
        _ = try client.call(.redeemOrder(second.cid))
        #expect(try client.call(.fulfilOrder(second.cid, decision: "refuse")).orders.first?.state == "committed")
        _ = try client.call(.redeemOrder(second.cid))
        #expect(try client.call(.fulfilOrder(second.cid)).orders.first?.state == "exhausted")
    }

    @Test("an order whose approvals are missing is not released, and the requester's own does not count")
    func approvals() throws {
        let (held, client) = try agent()
        defer { held.stop() }
        let made = try client.call(
            newOrder {
                $0.approvers = ["heir", "judge", "alice"]
                $0.approvals = 2
            })
        let order = try #require(made.orders.first)
        let asked = try client.call(.redeemOrder(order.cid))
        #expect(asked.orders.first?.state == "requested")
        #expect(try client.refusal(.fulfilOrder(order.cid, decision: "release")).code == .failedPrecondition)
        #expect(
            try client.call(.decideOnOrder(order.cid, as: "alice", decision: "approve")).orders.first?.state
                == "requested")
        #expect(try client.call(.decideOnOrder(order.cid, as: "heir", decision: "approve")).orders.first?.approved == 1)
        #expect(
            try client.refusal(.decideOnOrder(order.cid, as: "heir", decision: "reject")).code == .failedPrecondition)
        #expect(
            try client.refusal(.decideOnOrder(order.cid, as: "bank", decision: "approve")).code == .permissionDenied)
        let last = try client.call(.decideOnOrder(order.cid, as: "judge", decision: "approve"))
        #expect(last.orders.first?.state == "exhausted")
        #expect(try client.call(.orderResult(order.cid)).fields.first { $0.name == "approvals" }?.value == "2")
    }

    @Test("an order to sign gives a signature for each use, by a key that is on the token")
    func signing() throws {
        let (held, client) = try agent()
        defer { held.stop() }
        let made = try client.call(
            newOrder {
                $0.type = "sign"
                $0.maxUses = 2
                $0.fields = [AgentField(name: "algorithm", value: "ed25519")]
            })
        let order = try #require(made.orders.first)
        let key = try Curve25519.Signing.PublicKey(rawRepresentation: order.commitment)
        for (use, message) in ["one", "two"].enumerated() {
            let state = try client.call(.redeemOrder(order.cid, data: Array(message.utf8))).orders.first?.state
            #expect(state == (use == 0 ? "released" : "exhausted"))
            let signature = try client.call(.orderResult(order.cid)).data
            #expect(key.isValidSignature(signature, for: Data(message.utf8)))
        }
        #expect(
            try client.call(.orderResult(order.cid, use: 1)).data != client.call(.orderResult(order.cid, use: 2)).data)
        #expect(try client.refusal(newOrder { $0.type = "sign" }).code == .invalidArgument)
    }

    @Test("an order keeps what was deposited with it, until it is released")
    func safeguard() throws {
        let (held, client) = try agent()
        defer { held.stop() }
        let order = try #require(
            client.call(
                newOrder {
                    $0.type = "safeguard-secret"
                    $0.beneficiary = "heir"
                    $0.redeemers = ["alice"]
                }
            ).orders.first)
        let secret = Array("where the gold is".utf8)
        _ = try client.call(.depositForOrder(order.cid, secret: secret, contentType: "text/plain"))
        #expect(try client.refusal(.depositForOrder(order.cid, secret: [1])).code == .failedPrecondition)
        #expect(try client.refusal(.orderResult(order.cid)).code == .failedPrecondition)
        _ = try client.call(.redeemOrder(order.cid))
        let result = try client.call(.orderResult(order.cid))
        #expect([UInt8](result.data) == secret)
        #expect(result.fields.first { $0.name == "content_type" }?.value == "text/plain")
    }

    @Test("an order of an unknown type names those that there are; what nobody could keep is refused before it is made")
    func badOrders() throws {
        let (held, client) = try agent()
        defer { held.stop() }
        let unknown = try client.refusal(newOrder { $0.type = "treasure" })
        #expect(unknown.code == .notFound)
        for type in ["bitcoin-wallet", "safeguard-secret", "secret", "sign"] { #expect("\(unknown)".contains(type)) }
        let bad: [(inout AgentNewOrder) -> Void] = [
            { $0.beneficiary = "heir" }, { $0.approvals = 1 }, { $0.notAfter = 1 },
            {
                $0.notBefore = 4_000_000_000
                $0.notAfter = 3_000_000_000
            },
            { $0.approvers = ["heir"] }, { $0.maxUses = 1_000_001 }, { $0.fiduciary = "" },
        ]
        for change in bad { #expect(try client.refusal(newOrder(change)).code == .invalidArgument) }
        #expect(try client.refusal(newOrder { $0.fiduciary = "nobody" }).code == .notFound)
        #expect(try client.call(.listOrders()).orders.isEmpty)
    }

    @Test("an order is not redeemed before its time")
    func times() throws {
        let (held, client) = try agent()
        defer { held.stop() }
        let later = Int64(Date().timeIntervalSince1970) + 3600
        let order = try #require(client.call(newOrder { $0.notBefore = later }).orders.first)
        #expect(order.state == "committed")
        let refusal = try client.refusal(.redeemOrder(order.cid))
        #expect(refusal.code == .failedPrecondition)
        #expect(refusal.message.contains(UTCTime.text(later)))
    }

    @Test("an order is shown and listed to those who have a part in it: sorted, paged and filtered")
    func lists() throws {
        let (held, client) = try agent("")
        defer { held.stop() }
        var cids: [String] = []
        for _ in 0..<5 { cids.append(try #require(client.call(newOrder()).orders.first).cid) }
        _ = try client.call(.fulfilOrder(cids[1]))
        #expect(try client.call(.listOrders(filters: [("sort", "created")])).orders.count == 5)
        #expect(try client.call(.listOrders(filters: [("state", "committed")])).orders.map(\.cid) == [cids[1]])
        #expect(try client.call(.listOrders(filters: [("type", "sign")])).orders.isEmpty)
        #expect(try client.call(.listOrders(filters: [("role", "fiduciary"), ("party", "bank")])).orders.count == 5)
        #expect(try client.call(.listOrders(filters: [("party", "judge")])).orders.isEmpty)
        #expect(try client.refusal(.listOrders(filters: [("colour", "red")])).code == .invalidArgument)
        #expect(try client.refusal(.listOrders(filters: [("state", "lost")])).code == .invalidArgument)
        for sort in ["created", "-created", "updated", "-updated"] {
            var seen: [String] = []
            var cursor = ""
            repeat {
                let page = try client.call(.listOrders(count: 2, cursor: cursor, filters: [("sort", sort)]))
                seen += page.orders.map(\.cid)
                cursor = page.cursor
            } while !cursor.isEmpty
            #expect(seen.count == 5)
            #expect(Set(seen) == Set(cids))
        }
    }

    @Test(
        "an order that is destroyed has a receipt, says pending until the key is gone, and leaves the others of its epoch alone"
    )
    func destruction() throws {
        let (agent, client) = try agent(automaticOrders + "\n  reseal_within_s: 0")
        let kept = try #require(client.call(newOrder()).orders.first)
        let lost = try #require(client.call(newOrder()).orders.first)
        let destroyed = try client.call(.destroyOrder(lost.cid))
        #expect(destroyed.orders.first?.state == "destroyed")
        #expect(destroyed.parts.map(\.kind) == ["destruction"])
        #expect(try client.call(.destroyOrder(lost.cid)).orders.first?.state == "destroyed")
        #expect(try client.refusal(.redeemOrder(lost.cid)).code == .failedPrecondition)
        try agent.wait("the second receipt") {
            try client.call(.showOrder(lost.cid)).parts.filter { $0.kind == "destruction" }.count == 2
        }
        #expect(agent.log.contains("dta/epoch/1"))
        #expect(try client.call(.redeemOrder(kept.cid)).orders.first?.state == "exhausted")
        #expect(
            try Data(Secp256k1Scalar([UInt8](client.call(.orderResult(kept.cid)).data)).publicKey.bytes)
                == kept.commitment)
    }

    @Test("an order whose secret does not open any more keeps no other's from being destroyed, and is out of use")
    func lostSecret() throws {
        let (agent, client) = try agent(automaticOrders + "\n  reseal_within_s: 0")
        let orders = try (0..<3).map { _ in try #require(client.call(newOrder()).orders.first).cid }
        #expect(agent.stop() == 0)
        let damage = """
            import sqlite3, sys
            base = sqlite3.connect(sys.argv[1])
            row = "in_order = (SELECT min(in_order) FROM order_secrets)"
            blob = bytearray(base.execute("SELECT blob FROM order_secrets WHERE " + row).fetchone()[0])
            blob[-1] ^= 1
            base.execute("UPDATE order_secrets SET blob = ? WHERE " + row, (bytes(blob),))
            base.commit()
            """
        let python = try Subprocess("/usr/bin/python3", ["-c", damage, agent.state + "/state.sqlite"])
        #expect(python.wait() == 0)
        try agent.start()
        let again = agent.client()
        _ = try again.call(.destroyOrder(orders[1]))
        try agent.wait("the second receipt") {
            try again.call(.showOrder(orders[1])).parts.filter { $0.kind == "destruction" }.count == 2
        }
        #expect(agent.log.contains("an order's secret is lost"))
        #expect(try again.call(.redeemOrder(orders[2])).orders.first?.state == "exhausted")
        #expect(try again.call(.orderResult(orders[2])).data.count == 32)
        #expect(try again.call(.redeemOrder(orders[0])).orders.first?.state == "requested")
        #expect(try again.refusal(.fulfilOrder(orders[0])).code == .dataLoss)
        #expect(agent.stop() == 0)
    }

    @Test("an order whose fiduciary is replaced while a redemption is open is released by its successor")
    func rotatedFiduciary() throws {
        let (held, client) = try agent("")
        defer { held.stop() }
        for type in ["secret", "sign"] {
            let order = try #require(
                client.call(
                    newOrder {
                        $0.type = type
                        if type == "sign" { $0.fields = [AgentField(name: "algorithm", value: "ed25519")] }
                    }
                ).orders.first)
            _ = try client.call(.fulfilOrder(order.cid))
            _ = try client.call(.redeemOrder(order.cid, data: type == "sign" ? [1, 2, 3] : []))
            let before = try client.call(.showIdentity("bank")).identities.first?.cid
            let next = try client.call(.rotateIdentity("bank")).cid
            #expect(next != before)
            let released = try client.call(.fulfilOrder(order.cid))
            #expect(released.orders.first?.state == "exhausted")
            #expect(released.parts.first?.from == next)
            #expect(try client.call(.orderResult(order.cid)).data.count == (type == "sign" ? 64 : 32))
        }
    }

    @Test("an order of a wallet without a beneficiary is exported by the one to whom it is released")
    func walletOfOnesOwn() throws {
        let (held, client) = try agent()
        defer { held.stop() }
        let order = try #require(client.call(newOrder { $0.type = "bitcoin-wallet" }).orders.first)
        #expect(order.state == "committed")
        #expect(try client.call(.redeemOrder(order.cid)).orders.first?.state == "exhausted")
        let key = try client.call(.exportWallet(order.cid))
        let publicKey = try Secp256k1Scalar([UInt8](key.data)).publicKey
        #expect(key.fields.first { $0.name == "public" }?.value.contains("\(publicKey)") == true)
    }

    @Test("an order outlives an agent that is killed between its parts")
    func restart() throws {
        let (agent, client) = try agent("")
        let order = try #require(client.call(newOrder()).orders.first)
        _ = try client.call(.fulfilOrder(order.cid))
        agent.crash()
        try agent.start()
        let again = agent.client()
        _ = try again.call(.redeemOrder(order.cid))
        agent.crash()
        try agent.start()
        #expect(try agent.client().call(.fulfilOrder(order.cid)).orders.first?.state == "exhausted")
    }
}
