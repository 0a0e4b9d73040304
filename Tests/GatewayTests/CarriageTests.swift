import AgentProtocol
import DTACourier
import DTAFormats
import DTASystem
import Foundation
import TestSupport
import Testing

/// What couriers bring between two real hosts, and what they may not.
@Suite("What couriers bring", .ownThread, .serialized)
struct CarriageTests {
    /// A firm whose orders a bank fulfils by itself; what passes between them is carried by the test.
    private struct Hosts {
        let bank: TestAgent
        let firm: TestAgent
        /// The bank's; the firm's agent does not know where it is.
        let gateway: TestGateway
        let bankCID: String
        let acmeCID: String

        init(gateway configuration: String = TestHost.openGateway) throws {
            let hosts = [try TestHost(["bank"], rules: automaticOrders), try TestHost(["acme"])]
            try TestHost.introduce(hosts)
            (bank, firm) = (hosts[0].agent, hosts[1].agent)
            gateway = try TestGateway(agent: bank.socketPath, configuration: "\(configuration)\nnode: fiduciary")
            bankCID = try #require(hosts[0].identities["bank"])
            acmeCID = try #require(hosts[1].identities["acme"])
        }

        /// - Returns: the order's CID, with which the firm has its commitment.
        func order(uses: UInt32 = 1) throws -> CID {
            let new = newOrder {
                $0.principal = "acme"
                $0.maxUses = uses
            }
            let cid = try CID(firm.client().call(new, timeout: .seconds(60)).cid(of: "order"))
            try carry([cid])
            return cid
        }

        /// Brings parts of the firm's to the bank's gateway, and what answers them back.
        /// - Returns: how many CARs came back.
        @discardableResult
        func carry(_ parts: [CID], sizeLimit: Int = Consignment.maximumSize) throws -> Int {
            let courier = Courier(firm.client(), sizeLimit: sizeLimit)
            var answers = 0
            try courier.send(parts, over: HTTPCourier(gateway.url(), .init())) { car in
                _ = try courier.deliver(try Consignment(car: car))
                answers += 1
            }
            return answers
        }

        func redeem(_ order: CID) throws -> CID {
            let answer = try firm.client().call(.redeemOrder(order.description), timeout: .seconds(60))
            return try CID(try #require(answer.parts.last { $0.kind == "redemption" }).cid)
        }

        func bring(_ car: [UInt8]) throws -> HTTPExchange {
            let directory = try TemporaryDirectory()
            let file = try directory.write("car", car)
            return try gateway.request(
                "/v1/courier", ["-H", "Content-Type: application/vnd.ipld.car", "--data-binary", "@\(file)"])
        }

        func isAtBank(_ cid: CID) -> Bool {
            (try? bank.client().call(.getBlock(cid.description, localOnly: true))) != nil
        }
    }

    private static func car(_ roots: [CID], _ blocks: [ContentBlock]) throws -> [UInt8] {
        var bytes: [UInt8] = []
        var writer = try CARWriter(roots: roots) { bytes += $0 }
        for block in blocks { try writer.append(block) }
        return bytes
    }

    @Test("a history longer than a courier carries is brought in pieces, and later only what is new")
    func longHistory() throws {
        // With so small a bound for usual bodies what is brought and what is answered are large ones.
        let hosts = try Hosts(
            gateway: """
                authentication: { none: true }
                limits: { requests_per_minute: 1000000, burst: 1000000, body_bytes: 2048 }
                """)
        let order = try hosts.order(uses: 40)
        for _ in 0..<14 { try hosts.carry([try hosts.redeem(order)]) }
        let parts = try hosts.firm.client().call(.showOrder(order.description)).parts
        #expect(parts.filter { $0.kind == "release" }.count == 14)
        let all = try Courier(hosts.firm.client()).pack([try CID(try #require(parts.last).cid)])
        let limit = 40 << 10
        #expect(all.count > 2 * limit)
        // The whole of it does not fit into one CAR any more; a use is redeemed all the same.
        let courier = Courier(hosts.firm.client(), sizeLimit: limit)
        #expect(throws: DTAError.self) { _ = try courier.pack([try CID(try #require(parts.last).cid)]) }
        let next = try hosts.redeem(order)
        #expect(try hosts.carry([next], sizeLimit: limit) == 1)
        #expect(try hosts.firm.client().call(.orderResult(order.description)).data.count == 32)
        #expect(try courier.packForHand([next]).isWhole == false)

        // To a gateway that cannot tell what it knows all of it goes, in as many CARs as that takes.
        let way = ForgetfulWay(try HTTPCourier(hosts.gateway.url(), .init()))
        try courier.send([next], over: way) { car in _ = try courier.deliver(try Consignment(car: car)) }
        let sizes = way.sizes.withLock { $0 }
        #expect(sizes.count > 2 && sizes.allSatisfy { $0 <= limit }, "\(sizes)")
        #expect(try hosts.bank.client().call(.showOrder(order.description)).orders.first?.uses == 15)
        let polled = try hosts.gateway.request("/v1/courier/\(order)")
        #expect(polled.headers["content-length"] == "\(polled.body.count)" && polled.body.count > 64 << 10)
        // Who asks by an order's name may have no more than that.
        let answered = try Consignment(car: polled.body)
        #expect(answered.roots.count == 31 && answered.envelopes.count == 32)
    }

    @Test("blocks that belong to no part are not stored, and the answer says so if nothing else was brought")
    func strangers() throws {
        let hosts = try Hosts()
        let order = try hosts.order()
        let redemption = try hosts.redeem(order)
        let good = try Courier(hosts.firm.client()).pack([redemption])
        var blocks: [ContentBlock] = []
        var isRead = false
        var reader = try CARReader {
            defer { isRead = true }
            return isRead ? [] : good
        }
        while let block = try reader.next() { blocks.append(block) }
        let raw = ContentBlock(hashing: Array("a stranger's data".utf8), codec: .raw)
        let other = try ContentBlock(
            hashing: [UInt8](
                hosts.firm.client().call(
                    .getBlock(
                        hosts.firm.client().call(.createIdentity("stranger"), timeout: .seconds(120)).cid)
                ).data),
            codec: .dagCBOR)
        let letter = try hosts.firm.client().call(
            .sealEnvelope(from: "acme", to: [hosts.bankCID], plaintext: Array("not for this".utf8))
        ).cid
        let envelope = try ContentBlock(
            [UInt8](hosts.firm.client().call(.getBlock(letter)).data), named: try CID(letter))
        let consignment = try Consignment(car: Self.car([redemption], blocks + [raw, other, envelope]))
        #expect(consignment.dropped == 3)
        #expect(try hosts.bring(Self.car([redemption], blocks + [raw, other, envelope])).status == 200)
        for stranger in [raw, other, envelope] { #expect(!hosts.isAtBank(stranger.cid), "\(stranger.cid)") }
        #expect(hosts.gateway.log.contains("blocks=3"))
        // As roots they are refused, unless they are somebody's document.
        for stranger in [raw, envelope] {
            let refused = try hosts.bring(Self.car([stranger.cid], [stranger]))
            #expect(refused.status == 400 && refused.code == "INVALID_ARGUMENT", "\(refused.text)")
            #expect(!hosts.isAtBank(stranger.cid))
        }
        #expect(try hosts.bring(Self.car([other.cid], [other, raw])).status == 204)
        #expect(hosts.isAtBank(other.cid) && !hosts.isAtBank(raw.cid))
    }

    @Test("identities that were replaced or revoked come along, and a claim to replace another without proof does not")
    func successions() throws {
        let hosts = try Hosts()
        let order = try hosts.order()
        let rotated = try hosts.firm.client().call(.rotateIdentity("acme"), timeout: .seconds(120)).cid
        let redemption = try hosts.redeem(order)
        let car = try Courier(hosts.firm.client()).pack([redemption])
        let consignment = try Consignment(car: car)
        #expect(consignment.dropped == 0)
        #expect(try hosts.bring(car).status == 200)
        #expect(hosts.isAtBank(try CID(rotated)))
    }

    @Test("a poll answers the accepted parts of an order that is known, page by page, and nothing else of a thread")
    func polls() throws {
        let hosts = try Hosts()
        let order = try hosts.order(uses: 10)
        for _ in 0..<3 { try hosts.carry([try hosts.redeem(order)]) }
        let client = hosts.bank.client()
        func after(_ part: String, _ count: UInt32 = 0) throws -> [String] {
            var kinds: [String] = []
            var cursor = ""
            repeat {
                let page = try client.call(.orderParts(after: part, count: count, cursor: cursor))
                kinds += page.parts.map(\.kind)
                #expect(count == 0 || page.parts.count <= Int(count))
                cursor = page.cursor
            } while !cursor.isEmpty
            return kinds
        }
        let uses = Array(repeating: ["redemption", "release"], count: 3).flatMap { $0 }
        #expect(try after(order.description) == ["commitment"] + uses)
        #expect(try after(order.description, 2) == ["commitment"] + uses)
        let parts = try client.call(.showOrder(order.description)).parts.filter { $0.status == "accepted" }
        for (place, part) in parts.enumerated() {
            #expect(try after(part.cid, 1) == Array(parts[(place + 1)...].map(\.kind)), "\(place)")
            #expect(try hosts.gateway.request("/v1/courier/\(part.cid)", ["--head"]).status == 204)
        }
        // A letter in the same thread is nobody's part; neither is an identity, or what nobody knows.
        let letter = AgentRequest.sealEnvelope(
            .init(from: "acme", to: [hosts.bankCID], replyTo: order.description), plaintext: Array("psst".utf8))
        let stray = try CID(try hosts.firm.client().call(letter).cid)
        _ = try client.call(
            .putBlock(
                hosts.firm.client().call(.getBlock(stray.description)).data,
                contentType: "application/vnd.ipld.dag-cbor"))
        #expect(
            try client.call(.envelopeThread(order.description, count: 1000)).envelopes.contains {
                $0.cid == stray.description
            })
        let polled = try hosts.gateway.request("/v1/courier/\(order)")
        #expect(polled.status == 200 && polled.headers["dta-cursor"] == nil)
        let consignment = try Consignment(car: polled.body)
        #expect(consignment.roots.map(\.description) == parts.dropFirst().map(\.cid))
        #expect(consignment.envelopes[stray] == nil)
        for cid in [stray.description, hosts.acmeCID, "bafyreiazyzlntgw2tlwvmcyx5xzv4jdrflzlwl63uwl5eu2y77otrt3kqi"] {
            #expect(try hosts.gateway.request("/v1/courier/\(cid)").code == "NOT_FOUND", "\(cid)")
            #expect(try hosts.gateway.request("/v1/courier/\(cid)", ["--head"]).status == 404)
        }
        // What is answered is what the firm lacks, and not what it has.
        let release = try #require(parts.last { $0.kind == "release" }?.cid)
        #expect(try hosts.gateway.request("/v1/courier/\(release)").status == 204)
        let before = try #require(parts.last { $0.kind == "redemption" }?.cid)
        let news = try Consignment(car: try hosts.gateway.request("/v1/courier/\(before)").body)
        #expect(news.envelopes.count == 1)
        #expect(try hosts.gateway.request("/v1/courier/\(before)?cursor=x").status == 400)
    }

    @Test("a courier that has had its time leaves what is done and stops")
    func deadline() throws {
        let hosts = try Hosts()
        let order = try hosts.order()
        let redemption = try hosts.redeem(order)
        let car = try Courier(hosts.firm.client()).pack([redemption])
        let late = Courier(hosts.bank.client(), time: .zero)
        let error = try #require(throws: DTAError.self) { _ = try late.deliver(try Consignment(car: car)) }
        #expect(error.code == .unavailable && error.message.contains("longer than it may"))
        #expect(throws: DTAError.self) { _ = try Courier(hosts.firm.client(), time: .zero).pack([redemption]) }
        #expect(try hosts.bring(car).status == 200)
    }
}

/// A gateway that knows of nothing that it has it, with the sizes of what went there.
private struct ForgetfulWay: CourierWay {
    let way: HTTPCourier
    let sizes = Locked<[Int]>([])

    init(_ way: HTTPCourier) { self.way = way }

    func knows(_ part: CID) throws -> Bool { false }

    func deliver(_ car: [UInt8]) throws -> [UInt8]? {
        sizes.withLock { $0.append(car.count) }
        return try way.deliver(car)
    }
}
