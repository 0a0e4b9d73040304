import AgentProtocol
import DTACourier
import DTAFormats
import Foundation
import TestSupport
import Testing

/// What a claim leaves of what a token's bearer may do.
@Suite("Narrowed tokens at the gateway", .ownThread, .serialized)
struct NarrowingTests {
    private static let agent = Result { try TestAgent() }

    private func gateway(_ issuer: TestIssuer, more: String = "") throws -> TestGateway {
        try issuer.gateway(for: try Self.agent.get(), more: more)
    }

    @Test("a claim narrows a token to the identity that it names")
    func narrowed() throws {
        let issuer = try TestIssuer()
        let gateway = try gateway(issuer)
        let wide = bearer(try issuer.token())
        func narrow(_ names: Any) throws -> [String] {
            bearer(try issuer.token(claims: TestIssuer.claims(["dta_identity": names])))
        }
        let alice = try #require(
            try gateway.post("/v1/identity", #"{"Name":"alice"}"#, wide)["IDDocumentCID"] as? String)
        let bob = try #require(try gateway.post("/v1/identity", #"{"Name":"bob"}"#, wide)["IDDocumentCID"] as? String)
        func listed(_ arguments: [String]) throws -> Set<String> {
            let list = try gateway.request("/v1/identity", arguments)["IDDocumentList"] as? [[String: Any]] ?? []
            return Set(list.compactMap { $0["IDDocumentCID"] as? String })
        }
        #expect(try listed(wide).isSuperset(of: [alice, bob]))
        #expect(try listed(narrow("alice")) == [alice])
        #expect(try listed(narrow(alice)) == [alice])
        #expect(try listed(narrow([alice, "bob"])) == [alice, bob])
        #expect(try gateway.post("/v1/identity", "{}", narrow("alice")).status == 403)
        #expect(try gateway.request("/v1/identity", narrow("nobody")).status == 403)
        #expect(try gateway.request("/v1/identity", narrow(5)).status == 401)
        let order = try gateway.post("/v1/order", #"{"Principal":"bob","Fiduciary":"alice"}"#, narrow("alice"))
        #expect(order.status == 403, "\(order.text)")
    }

    @Test("a result goes to a token of the identity that gets it, and of no other party")
    func narrowedSecret() throws {
        let agent = try TestAgent(more: "orders: { accept: [{ commit: auto, release: auto }] }")
        let issuer = try TestIssuer()
        let gateway = try TestGateway(
            agent: agent.socketPath, configuration: TestIssuer.section + "\norders: { release_secrets: true }",
            files: ["keys.json": try issuer.keySet()])
        func narrow(_ name: String) throws -> [String] {
            bearer(try issuer.token(claims: TestIssuer.claims(["dta_identity": name])))
        }
        for name in ["alice", "bank", "bob", "carol"] {
            #expect(try gateway.post("/v1/identity", #"{"Name":"\#(name)"}"#, bearer(issuer.token())).status == 200)
        }
        let made = try gateway.post(
            "/v1/order",
            #"{"Principal":"alice","Fiduciary":"bank","BeneficiaryIDDocumentCID":"bob","Redeemers":["alice","bob"]}"#,
            narrow("alice"))
        let reference = try #require(made["OrderReference"] as? String, "\(made.text)")
        let body = #"{"OrderReference":"\#(reference)"}"#
        #expect(try gateway.post("/v1/order/secret", body, narrow("carol")).status == 404)
        for other in ["alice", "bank"] {
            #expect(try gateway.post("/v1/order/secret", body, narrow(other)).status == 403, "\(other)")
        }
        let secret = try gateway.post("/v1/order/secret", body, narrow("bob"))
        #expect((secret["Secret"] as? String)?.count == 64, "\(secret.text)")
        for other in ["alice", "bank"] {
            #expect(try gateway.post("/v1/order/secret", body, narrow(other)).status == 403, "\(other)")
        }
    }

    @Test("a narrowed token carries for its identities alone, and finds what concerns them alone")
    func narrowedCourier() throws {
        let agent = try TestAgent(more: "orders: { accept: [{ commit: auto, release: auto }] }")
        let issuer = try TestIssuer()
        let gateway = try TestGateway(
            agent: agent.socketPath, configuration: TestIssuer.section, files: ["keys.json": try issuer.keySet()])
        func narrow(_ names: [String]) throws -> [String] {
            bearer(try issuer.token(claims: TestIssuer.claims(["dta_identity": names])))
        }
        for name in ["alice", "bank", "carol"] {
            #expect(try gateway.post("/v1/identity", #"{"Name":"\#(name)"}"#, bearer(issuer.token())).status == 200)
        }
        let made = try gateway.post("/v1/order", #"{"Principal":"alice","Fiduciary":"bank"}"#, narrow(["alice"]))
        let part1 = try #require(made["OrderCID"] as? String, "\(made.text)")
        let car = try Courier(agent.client()).pack([try CID(part1)])
        let directory = try TemporaryDirectory()
        let body = [
            "-H", "Content-Type: application/vnd.ipld.car", "--data-binary", "@\(try directory.write("car", car))",
        ]
        for (names, brought, asked) in [
            (["alice"], 200, 200), (["bank"], 200, 200), (["carol"], 403, 404), (["carol", "alice"], 200, 200),
        ] {
            let answer = try gateway.request("/v1/courier", body + narrow(names))
            #expect(answer.status == brought, "\(names): \(answer.text)")
            #expect(try gateway.request("/v1/courier/\(part1)", narrow(names)).status == asked, "\(names)")
            let head = try gateway.request("/v1/courier/\(part1)", narrow(names) + ["--head"])
            #expect(head.status == (asked == 200 ? 204 : 404))
            let fulfilled = try gateway.post("/v1/fulfill/order", #"{"OrderPart1CID":"\#(part1)"}"#, narrow(names))
            #expect(fulfilled.status == brought, "\(names): \(fulfilled.text)")
        }
        // A successor's part comes with the proof that he is one.
        let rotated = try agent.client().call(.rotateIdentity("alice"), timeout: .seconds(120)).cid
        let redeemed = try agent.client().call(.redeemOrder(part1), timeout: .seconds(60))
        let part3 = try CID(try #require(redeemed.parts.first { $0.kind == "redemption" }?.cid))
        let second = try Courier(agent.client()).pack([part3])
        let consignment = try Consignment(car: second)
        let old = try CID(try #require(made["Principal"] as? String))
        #expect(consignment.envelopes[part3]?.from.description == rotated)
        #expect(consignment.concerns([old], root: part3))
        #expect(!consignment.concerns([part3], root: try CID(rotated)))
    }

    @Test("a list for a narrowed token is the agent's own, narrowed where it is read")
    func narrowedList() throws {
        let agent = try TestAgent(more: "orders: { accept: [{ commit: auto, release: auto }] }")
        let issuer = try TestIssuer()
        let gateway = try TestGateway(
            agent: agent.socketPath, configuration: TestIssuer.section, files: ["keys.json": try issuer.keySet()])
        let wide = bearer(try issuer.token())
        var cids: [String: String] = [:]
        for name in ["alice", "bank", "carol"] {
            cids[name] = try gateway.post("/v1/identity", #"{"Name":"\#(name)"}"#, wide)["IDDocumentCID"] as? String
        }
        var references: [String: [String]] = [:]
        for principal in ["alice", "carol", "alice", "alice"] {
            let order = try gateway.post("/v1/order", #"{"Principal":"\#(principal)","Fiduciary":"bank"}"#, wide)
            references[principal, default: []].append(try #require(order["OrderReference"] as? String, "\(order.text)"))
        }
        func listed(_ name: String, _ query: String) throws -> [String] {
            let token = bearer(try issuer.token(claims: TestIssuer.claims(["dta_identity": name])))
            return try gateway.request("/v1/order?\(query)", token)["OrderReference"] as? [String] ?? []
        }
        let ofAlice = Set(try #require(references["alice"]))
        #expect(try Set(listed("alice", "")) == ofAlice)
        #expect(try listed("carol", "perPage=1") == references["carol"])
        #expect(try listed("carol", "perPage=1&page=1") == [])
        let paged = try (0..<3).flatMap { try listed("alice", "perPage=1&page=\($0)&sortBy=dateCreatedAsc") }
        #expect(try paged == listed("alice", "sortBy=dateCreatedAsc") && Set(paged).count == 3)
        #expect(try listed("bank", "").count == 4)
        // The agent itself answers so: nobody else's order passes its socket.
        let alice = try #require(cids["alice"])
        let answer = try agent.client().call(.listOrders(of: [alice]))
        #expect(Set(answer.orders.map(\.reference)) == ofAlice)
        #expect(try agent.client().call(.listOrders(filters: [("role", "principal")], of: [alice])).orders.count == 3)
        #expect(try agent.client().call(.listOrders(filters: [("role", "fiduciary")], of: [alice])).orders.isEmpty)
        #expect(try agent.client().refusal(.listOrders(of: ["x"])).code == .invalidArgument)
    }
}
