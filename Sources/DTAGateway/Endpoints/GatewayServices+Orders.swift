import AgentProtocol
import DTABytes
import DTACourier
import DTAFormats
import DTAJSON
import DTASystem
import Foundation

/// Orders, as in Milagro D-TA 0.1, with further members that may be left out.
extension GatewayServices {
    func createOrder(_ call: Call) async throws -> Reply {
        let scope = try await scope(of: call)
        var fields = try Fields(call.json)
        var order = AgentNewOrder()
        order.beneficiary = try fields.optional("BeneficiaryIDDocumentCID", .identity) ?? ""
        order.type = try fields.text("Type", .type) ?? configuration.orders.type
        order.fiduciary = try fields.text("Fiduciary", .identity) ?? configuration.orders.fiduciary
        let principal = try fields.text("Principal", .identity)
        // Terms must name the redeemers if there is a beneficiary. Milagro D-TA had no member for them and released to
        // the beneficiary, so the beneficiary is the default.
        let redeemers = try fields.texts("Redeemers", .identity, atMost: 16)
        order.redeemers = redeemers ?? (order.beneficiary.isEmpty ? [] : [order.beneficiary])
        order.recipient = try fields.text("Recipient", .identity) ?? ""
        order.approvers = try fields.texts("Approvers", .identity, atMost: 16) ?? []
        order.approvals = UInt32(try fields.integer("Approvals", in: 0...16) ?? 0)
        order.notBefore = try fields.integer("NotBefore", in: 0...(1 << 40)) ?? 0
        order.notAfter = try fields.integer("NotAfter", in: 0...(1 << 40)) ?? 0
        order.maxUses = UInt32(try fields.integer("MaxUses", in: 1...1_000_000) ?? 1)
        order.fields = try fields.map("Extension").map { AgentField(name: $0.name, value: $0.value) }
        try fields.finish()
        order.principal = try await scope.identity(principal, or: configuration.orders.principal, agent)
        guard !order.fiduciary.isEmpty else {
            throw Problem.invalid(
                "the order names no fiduciary", hint: "Fiduciary in the body, or orders.fiduciary in dtagw.yaml")
        }
        let answer = try await agent.call(.createOrder(order))
        guard let made = answer.orders.first else {
            throw DTAError(.internal, "the agent made an order and did not show it")
        }
        await couriers.carry(answer.parts, for: call.client)
        return Reply(
            .members(GatewayServices.summary(try await agent.call(.showOrder(made.cid)).orders.first ?? made, scope)))
    }

    func listOrders(_ call: Call) async throws -> Reply {
        let scope = try await scope(of: call)
        let isAscending = call.parameters["sortBy"] == "dateCreatedAsc"
        let size = call.integer("perPage")
        var skip = call.integer("page") * size
        var page: [AgentOrder] = []
        var cursor = ""
        repeat {
            // The agent leaves out orders that the token does not show, so only the needed number is asked for.
            let wanted = min(1000, skip + size - page.count)
            let answer = try await agent.call(
                .listOrders(
                    count: UInt32(wanted), cursor: cursor, filters: [("sort", isAscending ? "created" : "-created")],
                    of: scope.lines.sorted()))
            for order in answer.orders where scope.includes(order) && page.count < size {
                if skip > 0 { skip -= 1 } else { page.append(order) }
            }
            cursor = answer.cursor
        } while !cursor.isEmpty && page.count < size
        return Reply([
            "OrderReference": .array(page.map { .string($0.reference) }),
            "OrderList": .array(page.map { .members(GatewayServices.summary($0, scope)) }),
        ])
    }

    func showOrder(_ call: Call) async throws -> Reply {
        let scope = try await scope(of: call)
        let answer = try await visible(call.parameters["OrderReference"] ?? "", scope)
        guard let order = answer.orders.first else { throw Problem.notFound("there is no such order here") }
        let summary = GatewayServices.summary(order, scope)
        let text = String(decoding: JSONValue.members(summary).bytes, as: UTF8.self)
        return Reply(
            .members(
                summary + [
                    // As in Milagro D-TA's description: the order as a text, beside the time.
                    ("Order", ["Order": .string(text), "TimeStamp": .integer(order.created)]),
                    ("Redeemers", GatewayServices.list(order.redeemers)), ("Recipient", .text(order.recipient)),
                    ("Approvers", GatewayServices.list(order.approvers)),
                    ("Approvals", GatewayServices.number(order.approvals)),
                    ("Approved", GatewayServices.number(order.approved)),
                    ("NotBefore", GatewayServices.number(order.notBefore)),
                    ("NotAfter", GatewayServices.number(order.notAfter)),
                    ("MaxUses", GatewayServices.number(order.maxUses)),
                    ("Uses", .integer(Int64(order.uses))), ("Reason", .text(order.reason)),
                    ("Parts", .array(answer.parts.map(GatewayServices.part))),
                ]))
    }

    /// Redeems an order and answers its secret. It is the only way of a secret through the gateway, and closed by
    /// default.
    func orderSecret(_ call: Call) async throws -> Reply {
        guard configuration.orders.releasesSecrets else {
            throw Problem.forbidden(
                "secrets do not pass through this gateway",
                hint: "the recipient redeems it at its own agent; or orders.release_secrets: true in dtagw.yaml"
            )
        }
        let scope = try await scope(of: call)
        var fields = try Fields(call.json)
        let reference = try fields.required("OrderReference", .order)
        let beneficiary = try fields.optional("BeneficiaryIDDocumentCID", .identity)
        let purpose = try fields.text("Purpose", .purpose) ?? ""
        let request = try fields.map("Extension")
        try fields.finish()
        let order = try await visible(reference, scope).orders.first
        guard let order else { throw Problem.notFound("there is no such order here") }
        // The agent checks only the gateway's rights.
        guard scope.includes(identity: order.recipient) else {
            throw Problem.forbidden("the token is not for the identity that gets what is released")
        }
        let identity = try await scope.identity(beneficiary, or: "", agent)
        if request.isEmpty, order.uses > 0, let released = try await released(order) { return released }
        let answer = try await agent.call(
            .redeemOrder(order.cid, as: identity.isEmpty ? nil : identity, purpose: purpose, fields: request))
        await couriers.carry(answer.parts, for: call.client)
        let after = try await agent.call(.showOrder(order.cid))
        // An order has a result for each use: this is the one that answers this redemption.
        if let redemption = answer.parts.last(where: { $0.knownKind == .redemption }),
            let release = after.parts.last(where: { $0.knownKind == .release && $0.previous == redemption.cid }),
            let released = try await released(order, use: release.use)
        {
            return released
        }
        let next = after.orders.first?.nextText ?? ""
        throw Problem.conflict(
            "the secret is not released yet" + (next.isEmpty ? "" : ": \(next)"),
            hint: "ask again later; repeating the request makes no second redemption")
    }

    /// The released result; nil if there is none yet.
    /// - Parameter use: 0: the last.
    private func released(_ order: AgentOrder, use: UInt32 = 0) async throws -> Reply? {
        let result: AgentResponse
        do {
            result = try await agent.call(.orderResult(order.cid, use: use))
        } catch let error as DTAError where error.code == .failedPrecondition || error.code == .notFound {
            return nil
        }
        return Reply(
            .members([
                ("Secret", .string(Hexadecimal.encode(result.data))),
                ("Commitment", .text(Hexadecimal.encode(order.commitment))),
                ("OrderReference", .string(order.reference)), ("Extension", GatewayServices.map(result.fields)),
            ]))
    }

    /// An order that the client may see; others are not found.
    private func visible(_ reference: String, _ scope: TokenScope) async throws -> AgentResponse {
        let answer = try await agent.call(.showOrder(reference))
        guard let order = answer.orders.first, scope.includes(order) else {
            throw Problem.notFound("there is no such order here")
        }
        return answer
    }

    // MARK: As JSON

    /// Only principal and fiduciary may read the order's fields: some plugins have a part of the secret in them.
    private static func summary(_ order: AgentOrder, _ scope: TokenScope) -> [(String, JSONValue?)] {
        let isInside = [order.principal, order.fiduciary].contains { scope.includes(identity: $0) }
        return [
            ("OrderReference", .string(order.reference)), ("OrderCID", .string(order.cid)),
            ("Commitment", .text(Hexadecimal.encode(order.commitment))), ("CreatedAt", .integer(order.created)),
            ("UpdatedAt", .integer(order.updated)), ("Type", .text(order.type)), ("State", .text(order.state)),
            ("Next", .text(order.nextText)), ("NextStep", .text(order.knownStep?.rawValue ?? "")),
            ("Principal", .text(order.principal)), ("Fiduciary", .text(order.fiduciary)),
            ("BeneficiaryIDDocumentCID", .text(order.beneficiary)), ("Extension", map(isInside ? order.fields : [])),
        ]
    }

    private static func part(_ part: AgentOrderPart) -> JSONValue {
        .members([
            ("CID", .string(part.cid)), ("Kind", .string(part.kind)), ("Use", number(part.use)),
            ("From", .text(part.from)), ("To", list(part.to)), ("Previous", .text(part.previous)),
            ("CreatedAt", .integer(part.created)), ("ReceivedAt", .integer(part.received)),
            ("Status", .text(part.status)), ("Reason", .text(part.reason)), ("Decision", .text(part.decision)),
        ])
    }

    private static func list(_ texts: [String]) -> JSONValue? {
        texts.isEmpty ? nil : .array(texts.map { .string($0) })
    }

    private static func number(_ number: some BinaryInteger) -> JSONValue? {
        number == 0 ? nil : .integer(Int64(number))
    }

    private static func map(_ fields: [AgentField]) -> JSONValue {
        .members(fields.map { ($0.name, .string($0.value)) })
    }
}
