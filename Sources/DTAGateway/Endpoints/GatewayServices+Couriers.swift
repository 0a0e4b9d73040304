import AgentProtocol
import DTABytes
import DTACourier
import DTAFormats
import DTASystem
import Foundation
import Hummingbird
import Logging

/// Couriers bring and fetch sealed and signed parts of orders. Bringing needs no other right, because a part counts by
/// its content and its signature.
extension GatewayServices {
    func receiveCAR(_ call: Call) async throws -> Reply {
        let bytes = call.bytes
        let allowed = try CarryScope(await scope(of: call))
        let car = try await couriers.run(for: call.client) { [logger] courier in
            try GatewayServices.deliver(bytes, allowed, courier, logger)
        }
        return car.map { Reply($0, type: Consignment.mediaType) } ?? .nothing
    }

    func partsAfter(_ call: Call) async throws -> Reply {
        let cid = try GatewayServices.cid(call.parameters["PartCID"] ?? "")
        let allowed = try CarryScope(await scope(of: call))
        if call.isHead {
            guard try await couriers.run(for: call.client, { courier in try courier.knows(cid, of: allowed.subjects) })
            else {
                throw Problem.notFound("this part was accepted in no order here")
            }
            return .nothing
        }
        let cursor = call.parameters["cursor"] ?? ""
        guard
            let (car, next) = try await couriers.run(
                for: call.client,
                { courier in
                    try courier.answer(toPollAfter: cid, cursor: cursor, of: allowed.subjects)
                })
        else { return .nothing }
        var reply = Reply(car, type: Consignment.mediaType)
        if let name = GatewayServices.cursor, !next.isEmpty { reply.headers[name] = next }
        return reply
    }

    /// All clients without authentication count as one client of the couriers, so that threads are left for known
    /// clients.
    private static let strangers = Client(kind: .peer("strangers"), account: .init("strangers"))

    /// An identity's documents are public, so that other hosts can trust it. Only this host's own are given out, by
    /// CID: clients do not find out which others this host knows.
    func fetchIdentity(_ call: Call) async throws -> Reply {
        let cid = try GatewayServices.cid(call.parameters["IDDocumentCID"] ?? "")
        let car = try await couriers.run(for: GatewayServices.strangers) { courier in try courier.packOwnLine(of: cid) }
        var reply = Reply(car, type: Consignment.mediaType)
        reply.holder = GatewayServices.strangers
        return reply
    }

    /// The cursor for the rest.
    private static let cursor = HTTPFields.Element.Name("DTA-Cursor")

    /// - Returns: a CAR with the answering parts; nil if there are none.
    static func deliver(_ bytes: [UInt8], _ allowed: CarryScope, _ courier: Courier, _ logger: Logger) throws
        -> [UInt8]?
    {
        let consignment = try Consignment(car: bytes, deadline: courier.deadline)
        for root in consignment.roots { try allowed.check(root, consignment, courier) }
        let delivery = try courier.deliver(consignment)
        if delivery.dropped > 0 {
            logger.notice(
                "blocks came that belong to no part: they were left out", metadata: ["blocks": "\(delivery.dropped)"])
        }
        // If one part was taken in, there is an answer; if none was, the last refusal is the error.
        if delivery.received.isEmpty, let refusal = delivery.refused.last { throw refusal.error }
        return try courier.answer(to: delivery)
    }

    static func cid(_ text: String) throws -> CID {
        do {
            return try CID(text)
        } catch {
            throw Problem.invalid("\(shown(text)) is no CID")
        }
    }

    // MARK: Between gateways, as Milagro D-TA 0.1 has it

    func fulfilOrder(_ call: Call) async throws -> Reply {
        try await fulfil(
            call, part: "OrderPart1CID", kind: .commitment, answer: "OrderPart2CID")
    }

    func fulfilSecret(_ call: Call) async throws -> Reply {
        try await fulfil(
            call, part: "OrderPart3CID", kind: .release, answer: "OrderPart4CID")
    }

    /// Takes in a part from the ledger, the IPFS node, or the CAR in the request, and answers the parts that answer it.
    private func fulfil(
        _ call: Call, part: String, kind: OrderPartKind, answer: String
    ) async throws -> Reply {
        var fields = try Fields(call.json)
        let name = try fields.required(part, .cid)
        // Milagro D-TA's description has two names for it, and its program one.
        let names = try ["DocumentCID", "SenderDocumentCID"].compactMap { try fields.optional($0, .cid) }
        guard Set(names).count <= 1 else {
            throw Problem.invalid("DocumentCID and SenderDocumentCID are the same, and name two documents")
        }
        let senderName = names.first
        try fields.nothing("Extension")
        let archive = try fields.text("CAR", .base64)
        try fields.finish()
        let cid = try GatewayServices.cid(name)
        let car: [UInt8]?
        if let archive {
            guard let bytes = Base64.decode(archive) else {
                throw Problem.invalid("CAR must be \(TextRule.base64.what)")
            }
            car = bytes
        } else {
            car = nil
        }
        let allowed = try CarryScope(await scope(of: call))
        let (order, parts, reply) = try await couriers.run(for: call.client) { courier in
            let consignment = try car.map { try Consignment(car: $0, deadline: courier.deadline) }
            for root in consignment?.roots ?? [] { try allowed.check(root, consignment, courier) }
            try allowed.check(cid, consignment, courier)
            if let consignment { _ = try courier.deliver(consignment) }
            // The sender's document. The sender is known by its signature.
            if let senderName { try GatewayServices.bringHere(senderName, courier) }
            let answer = try courier.client.call(.receiveOrderPart(cid.description))
            let order = answer.orders.first
            let parts = order.map { try? courier.client.call(.showOrder($0.cid)).parts } ?? nil
            let answers = (parts ?? answer.parts).filter { $0.knownKind == kind && $0.previous == cid.description }
            let packed =
                try answers.isEmpty ? nil : courier.pack(answers.map { try GatewayServices.cid($0.cid) }, known: [cid])
            return (order, answers, packed)
        }
        guard let found = parts.last else {
            let next = order?.nextText ?? ""
            throw Problem.conflict(
                "nothing answers this part yet" + (next.isEmpty ? "" : ": \(next)"),
                hint: "ask again later; repeating the request changes nothing")
        }
        return Reply(
            .members([
                (answer, .string(found.cid)), ("CAR", reply.map { .string(Base64.encode($0)) }),
            ]))
    }

    /// Stores an identity's document that is only on the IPFS node.
    private static func bringHere(_ name: String, _ courier: Courier) throws {
        let cid = try cid(name)
        let block = try courier.client.call(.getBlock(name)).data
        guard (try? ContentBlock([UInt8](block), named: cid)).map(DocumentKind.init(of:)) == .identity else {
            throw Problem.invalid("\(cid) is no identity's document")
        }
        _ = try courier.client.call(.putBlock(block, contentType: "application/vnd.ipld.dag-cbor"))
    }
}
