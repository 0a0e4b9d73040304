import AgentProtocol
import DTAFormats
import DTASystem
import Foundation
import TestSupport
import Testing

/// Two hosts, each with an agent and a gateway: a firm, and the bank that keeps its secrets.
private struct Hosts {
    let bank: TestAgent
    let firm: TestAgent
    let bankGateway: TestGateway
    /// The bank does not know where it is.
    let firmGateway: TestGateway
    let acmeCID: String
    let bankCID: String

    /// - Parameter way: whether the bank commits and releases by itself.
    init(way: String = "auto", orders: String = "release_secrets: true") throws {
        let bank = try TestHost(
            ["bank"], rules: "orders: { accept: [{ commit: \(way), release: \(way) }] }", gateway: "node: fiduciary")
        let firm = try TestHost(["acme"], rules: automaticOrders)
        try TestHost.introduce([bank, firm])
        bankGateway = try #require(bank.gateway)
        firmGateway = try TestGateway(
            agent: firm.agent.socketPath,
            configuration: """
                \(TestHost.openGateway)
                node: principal
                orders: { principal: acme, fiduciary: bank, \(orders) }
                """)
        (self.bank, self.firm) = (bank.agent, firm.agent)
        acmeCID = try #require(firm.identities["acme"])
        bankCID = try #require(bank.identities["bank"])
    }

    func order(_ body: String = "{}") throws -> HTTPExchange { try firmGateway.post("/v1/order", body) }

    /// A CAR with a part and its history, as the firm's gateway has it: whatever came after a part of another order.
    func bring(_ car: [UInt8], to gateway: TestGateway) throws -> HTTPExchange {
        let directory = try TemporaryDirectory()
        let file = try directory.write("car", car)
        return try gateway.request(
            "/v1/courier", ["-H", "Content-Type: application/vnd.ipld.car", "--data-binary", "@\(file)"])
    }
}

@Suite("Orders through gateways", .ownThread, .serialized)
struct OrderTests {
    @Test("a secret is ordered, committed, redeemed and released between two hosts' gateways")
    func story() throws {
        let hosts = try Hosts()
        let ordered = try hosts.order()
        #expect(ordered.status == 200 && ordered["State"] as? String == "committed", "\(ordered.text)")
        let reference = try #require(ordered["OrderReference"] as? String)
        let part1 = try #require(ordered["OrderCID"] as? String)
        let commitment = try #require(ordered["Commitment"] as? String)
        #expect(commitment.count == 66)

        let shown = try hosts.firmGateway.request("/v1/order/\(reference)")
        let parts = try #require(shown["Parts"] as? [[String: Any]])
        #expect(parts.map { $0["Kind"] as? String } == ["order", "commitment"])
        #expect(try hosts.firmGateway.request("/v1/order")["OrderReference"] as? [String] == [reference])
        #expect(try hosts.bankGateway.request("/v1/order/\(part1)")["State"] as? String == "committed")

        let body = #"{"OrderReference":"\#(reference)"}"#
        let released = try hosts.firmGateway.post("/v1/order/secret", body)
        let secret = try #require(released["Secret"] as? String, "\(released.text)")
        #expect(secret.count == 64 && released["Commitment"] as? String == commitment)
        // The secret is the one that was committed to; asking again brings the same, and no second redemption.
        #expect(try Secp256k1Check.publicKey(of: secret) == commitment)
        #expect(try hosts.firmGateway.post("/v1/order/secret", body)["Secret"] as? String == secret)
        let after = try #require(try hosts.firmGateway.request("/v1/order/\(reference)")["Parts"] as? [[String: Any]])
        #expect(after.map { $0["Kind"] as? String } == ["order", "commitment", "redemption", "release"])
        // The bank's node releases to parts, and hands nothing out.
        #expect(try hosts.bankGateway.post("/v1/order/secret", body).status == 404)
        for log in [hosts.firmGateway.log, hosts.bankGateway.log] { #expect(!log.contains(secret)) }
    }

    @Test("gateways fulfil parts that are named by their CIDs, as Milagro's do, with a CAR if they share no IPFS")
    func milagro() throws {
        let hosts = try Hosts(orders: "carry: false")
        let ordered = try hosts.order()
        #expect(ordered["State"] as? String == "ordered", "\(ordered.text)")
        let part1 = try #require(ordered["OrderCID"] as? String)
        let unknown = try hosts.bankGateway.post("/v1/fulfill/order", #"{"OrderPart1CID":"\#(part1)"}"#)
        #expect([404, 409].contains(unknown.status), "\(unknown.text)")

        let car = try Self.car(part1, hosts.firm)
        let body =
            #"{"OrderPart1CID":"\#(part1)","DocumentCID":"\#(hosts.acmeCID)","CAR":"\#(Data(car).base64EncodedString())"}"#
        let answer = try hosts.bankGateway.post("/v1/fulfill/order", body)
        let part2 = try #require(answer["OrderPart2CID"] as? String, "\(answer.text)")
        #expect(try hosts.bankGateway.post("/v1/fulfill/order", body)["OrderPart2CID"] as? String == part2)
        // The sender's document is one: nothing else is looked up for whoever names it.
        let stray = #"{"OrderPart1CID":"\#(part1)","DocumentCID":"\#(part1)"}"#
        #expect(try hosts.bankGateway.post("/v1/fulfill/order", stray).status == 400)
        // Its answer goes back by hand.
        let back = try #require((answer["CAR"] as? String).flatMap { Data(base64Encoded: $0) })
        #expect(try hosts.bring([UInt8](back), to: hosts.firmGateway).status == 204)
        #expect(try hosts.firmGateway.request("/v1/order/\(part1)")["State"] as? String == "committed")

        // Secrets stay closed unless they are opened, whoever asks.
        let closed = try hosts.firmGateway.post("/v1/order/secret", #"{"OrderReference":"\#(part1)"}"#)
        #expect(closed.status == 403 && closed.code == "PERMISSION_DENIED")
        let redeemed = try hosts.firm.client().call(.redeemOrder(part1), timeout: .seconds(60))
        let part3 = try #require(redeemed.parts.first { $0.kind == "redemption" }?.cid)
        let second = Data(try Self.car(part3, hosts.firm)).base64EncodedString()
        let released = try hosts.bankGateway.post(
            "/v1/fulfill/order/secret",
            #"{"OrderPart3CID":"\#(part3)","SenderDocumentCID":"\#(hosts.acmeCID)","CAR":"\#(second)"}"#)
        #expect(released["OrderPart4CID"] as? String != nil, "\(released.text)")
        // Who polls gets the same.
        let polled = try hosts.bankGateway.request("/v1/courier/\(part3)")
        #expect(polled.status == 200 && polled.headers["content-type"] == "application/vnd.ipld.car")
        #expect(try hosts.bring(polled.body, to: hosts.firmGateway).status == 204)
        #expect(try hosts.firm.client().call(.orderResult(part1)).data.count == 32)
        let newest = try #require(released["OrderPart4CID"] as? String)
        #expect(try hosts.bankGateway.request("/v1/courier/\(newest)").status == 204)
    }

    @Test("an order that waits for the fiduciary's hand is told as such, and is there once that was done")
    func manual() throws {
        let hosts = try Hosts(way: "manual")
        let ordered = try hosts.order()
        let cid = try #require(ordered["OrderCID"] as? String, "\(ordered.text)")
        #expect(ordered["State"] as? String == "ordered")
        #expect(ordered["NextStep"] as? String == "commit", "\(ordered.text)")
        #expect(ordered["Next"] as? String == "the fiduciary commits to it, or refuses it")
        let early = try hosts.firmGateway.post("/v1/order/secret", #"{"OrderReference":"\#(cid)"}"#)
        #expect(early.status == 409 && early.code == "FAILED_PRECONDITION", "\(early.text)")
        #expect(try hosts.bankGateway.post("/v1/fulfill/order", #"{"OrderPart1CID":"\#(cid)"}"#).status == 409)
        _ = try hosts.bank.client().call(.fulfilOrder(cid, decision: "commit"), timeout: .seconds(60))
        #expect(
            try hosts.bankGateway.post("/v1/fulfill/order", #"{"OrderPart1CID":"\#(cid)"}"#)["OrderPart2CID"] as? String
                != nil)
    }

    @Test("a use that waits is not answered by what was released before it")
    func severalUses() throws {
        let hosts = try Hosts(way: "manual")
        let ordered = try hosts.order(#"{"Type":"sign","MaxUses":2,"Extension":{"algorithm":"ed25519"}}"#)
        let cid = try #require(ordered["OrderCID"] as? String, "\(ordered.text)")
        /// What the bank does by hand, and the way back of it.
        func fulfil(_ decision: String) throws {
            _ = try hosts.bank.client().call(.fulfilOrder(cid, decision: decision), timeout: .seconds(60))
            let polled = try hosts.bankGateway.request("/v1/courier/\(cid)")
            #expect(polled.status == 200, "\(polled.text)")
            #expect(try hosts.bring(polled.body, to: hosts.firmGateway).status < 300)
        }
        func redeem(_ more: String) throws -> HTTPExchange {
            try hosts.firmGateway.post("/v1/order/secret", #"{"OrderReference":"\#(cid)"\#(more)}"#)
        }
        let (first, second) = (
            #","Purpose":"first","Extension":{"message":"a"}"#, #","Purpose":"second","Extension":{"message":"b"}"#
        )
        try fulfil("commit")
        #expect(try redeem(first).status == 409)
        try fulfil("release")
        let released = try redeem("")
        #expect(
            released.status == 200 && (released["Extension"] as? [String: String])?["use"] == "1", "\(released.text)")
        func value(_ name: String) throws -> [UInt8] { try bytes(#require(released[name] as? String)) }
        let key = try PublicKey(.ed25519, raw: try value("Commitment"))
        #expect(
            try key.isValid(signature: try value("Secret"), message: Array("a".utf8)),
            "it is the message that is signed")
        let waiting = try redeem(second)
        #expect(waiting.status == 409 && waiting.code == "FAILED_PRECONDITION", "\(waiting.text)")
        try fulfil("release")
        #expect((try redeem("")["Extension"] as? [String: String])?["use"] == "2")
    }

    @Test("an order that cannot be carried now is made, and the answer says so")
    func noPlaces() throws {
        let hosts = try Hosts()
        // A fiduciary's gateway that takes connections and says nothing.
        let silent = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(silent) }
        var (address, size) = (sockaddr_in(), socklen_t(MemoryLayout<sockaddr_in>.size))
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        let port = try withUnsafeMutablePointer(to: &address) { pointer in
            try pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                guard bind(silent, pointer, size) == 0, listen(silent, 64) == 0,
                    getsockname(silent, pointer, &size) == 0
                else { throw TestFailure("no socket: \(errno)") }
            }
            return UInt16(bigEndian: pointer.pointee.sin_port)
        }
        var trust = AgentRequest(.identityTrust, subject: "bank")
        trust.url = "http://127.0.0.1:\(port)"
        _ = try hosts.firm.client().call(trust)
        let gateway = try TestGateway(
            agent: hosts.firm.socketPath,
            configuration: """
                authentication: { none: true }
                limits: { couriers: 1, courier_ms: 2000 }
                orders: { principal: acme, fiduciary: bank }
                """)
        // One thread and four places to wait for it: some of eight find none.
        let answers = Monitor<[Result<HTTPExchange, any Error>]>([])
        for _ in 0..<8 {
            Foundation.Thread.detachNewThread {
                let answer = Result { try gateway.post("/v1/order", "{}") }
                answers.withLockSignalling { $0.append(answer) }
            }
        }
        let all = try (answers.wait { $0.count == 8 ? $0 : nil } ?? []).map { try $0.get() }
        #expect(all.count == 8)
        for answer in all {
            #expect(answer.status == 200 && answer["State"] as? String == "ordered", "\(answer.status) \(answer.text)")
        }
        #expect(gateway.log.contains("too many couriers"))
        #expect(try hosts.firm.client().call(.listOrders()).orders.count == 8)
    }

    @Test("CARs that are damaged, or bring nothing that may be received, are refused with a reason")
    func hostileCARs() throws {
        let hosts = try Hosts(orders: "carry: false")
        let cid = try #require(try hosts.order()["OrderCID"] as? String)
        let good = try Self.car(cid, hosts.firm)
        var bent = good
        bent[bent.count / 2] ^= 1
        for car in [Array(good.dropLast()), bent, Array(good.prefix(40)), [UInt8](repeating: 0xff, count: 1000)] {
            #expect(try hosts.bring(car, to: hosts.bankGateway).status == 400)
        }
        // A root that is not in it; and one that is no part of an order, which is for the ledger alone.
        var empty: [UInt8] = []
        _ = try CARWriter(roots: [try CID(cid)]) { empty += $0 }
        let refused = try hosts.bring(empty, to: hosts.bankGateway)
        #expect(
            [400, 403, 404, 409].contains(refused.status) && refused.code != nil, "\(refused.status) \(refused.text)")
        var document: [UInt8] = []
        let acme = try CID(hosts.acmeCID)
        var writer = try CARWriter(roots: [acme]) { document += $0 }
        let bytes = [UInt8](try hosts.firm.client().call(.getBlock(hosts.acmeCID)).data)
        try writer.append(try ContentBlock(bytes, named: acme))
        let brought = try hosts.bring(document, to: hosts.bankGateway)
        #expect(brought.status == 204, "\(brought.status) \(brought.text)")
        // After all that the good one is as good as before.
        #expect(try hosts.bring(good, to: hosts.bankGateway).status == 200)
        #expect(try hosts.bring(good, to: hosts.bankGateway).status == 200)
    }

    @Test("an order that is wrong is refused with the reason, never with a 5xx")
    func refusals() throws {
        let hosts = try Hosts(orders: "carry: false")
        for (body, statuses) in [
            (#"{"Fiduciary":"nobody"}"#, [404]), (#"{"Principal":"nobody"}"#, [404]),
            (#"{"Principal":"bank"}"#, [400, 403, 404, 409]),
            (#"{"Type":"Nonsense"}"#, [400]), (#"{"Approvals":3}"#, [400]), (#"{"Approvals":17}"#, [400]),
            (#"{"BeneficiaryIDDocumentCID":"nobody"}"#, [400, 404]), (#"{"MaxUses":0}"#, [400]),
            (#"{"MaxUses":1e3}"#, [400]),
            (#"{"NotBefore":5,"NotAfter":4}"#, [400]), (#"{"Extension":{"a.b":"c"}}"#, [400]),
            (#"{"Extension":["a"]}"#, [400]),
            (#"{"Extension":{"a":5}}"#, [400]), (#"{"Redeemers":"acme"}"#, [400]), ("null", [400]),
        ] {
            let answer = try hosts.order(body)
            #expect(statuses.contains(answer.status) && answer.code != nil, "\(body): \(answer.status) \(answer.text)")
        }
        #expect(try hosts.firmGateway.request("/v1/order/aaaaaaaaaaaa").status == 404)
        #expect(try hosts.firmGateway.request("/v1/courier/\(hosts.acmeCID)").status >= 400)
        // What helps is said as a client over HTTP does it.
        for (body, hint) in [
            (#"{"Type":"sign"}"#, "Extension.algorithm in the body"),
            (#"{"BeneficiaryIDDocumentCID":"\#(hosts.bankCID)","Redeemers":[]}"#, "Redeemers in the body"),
        ] {
            let answer = try hosts.order(body)
            #expect(answer.status == 400 && answer.text.contains(#""hint":"\#(hint)""#), "\(answer.text)")
        }
    }

    @Test("a gateway shows its token to the fiduciary's, and without one its order stays where it is")
    func token() throws {
        let issuer = try TestIssuer()
        let hosts = try Hosts(orders: "carry: false")
        let strict = try TestGateway(
            agent: hosts.bank.socketPath,
            configuration: """
                authentication:
                  jwt: { issuer: "https://issuer.example", audience: dta, jwks: keys.json }
                """, files: ["keys.json": try issuer.keySet()])
        var trust = AgentRequest(.identityTrust, subject: "bank")
        trust.url = strict.url()
        _ = try hosts.firm.client().call(trust)
        func state(_ more: String, _ files: [String: String]) throws -> String? {
            let gateway = try TestGateway(
                agent: hosts.firm.socketPath,
                configuration: "authentication: { none: true }\norders: { principal: acme, fiduciary: bank\(more) }",
                files: files)
            return try gateway.post("/v1/order", "{}")["State"] as? String
        }
        #expect(try state("", [:]) == "ordered")
        let token = ["token": try issuer.token()]
        // What is wrong with a token's file is told before it is needed.
        let files = try TemporaryDirectory()
        try files.write("token", try issuer.token(), mode: 0o644)
        let path = try files.write(
            "dtagw.yaml",
            "agent: \(hosts.firm.socketPath)\nauthentication: { none: true }\norders: { tokens: { \"\(strict.url())\": token } }"
        )
        let loose = try run(try Binary.path("dtagw"), ["check", "--config", path])
        #expect(loose.status == 1 && loose.text.contains("can be read or written by others"), "\(loose.text)")
        chmod(files.file("token"), 0o600)
        let checked = try run(try Binary.path("dtagw"), ["check", "--config", path])
        #expect(checked.status == 0 && checked.text.contains("ok    tokens"), "\(checked.text)\(checked.errors)")
        // A token for another gateway is shown to that one alone, whoever answers under the name in the order.
        #expect(try state(", tokens: { \"https://other.example\": token }", token) == "ordered")
        #expect(try state(", tokens: { \"\(strict.url())\": token }", token) == "committed")
    }

    /// A CAR of a part with all that it links to.
    private static func car(_ cid: String, _ agent: TestAgent) throws -> [UInt8] {
        var car: [UInt8] = []
        var walk = try HistoryWalk(from: [try CID(cid)])
        var writer = try CARWriter(roots: [try CID(cid)]) { car += $0 }
        while let next = walk.next() {
            let block = try ContentBlock([UInt8](agent.client().call(.getBlock(next.description)).data), named: next)
            try writer.append(block)
            try walk.follow(block)
        }
        return car
    }
}

/// OpenSSL's view of a secret: which public key it makes.
private enum Secp256k1Check {
    static func publicKey(of secret: String) throws -> String {
        // ECPrivateKey (RFC 5915) with the curve's name; OpenSSL computes the point.
        let der = "302e0201010420" + secret + "a00706052b8104000a"
        let made = try run(
            "openssl", ["ec", "-inform", "DER", "-pubout", "-outform", "DER", "-conv_form", "compressed"],
            input: bytes(der))
        guard made.status == 0, made.output.count >= 33 else { throw TestFailure("openssl: \(made.errors)") }
        return hex(made.output.suffix(33))
    }
}
