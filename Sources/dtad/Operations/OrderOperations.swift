import AgentProtocol
import DTAOrders
import DTASystem

/// Making, carrying and showing orders.
enum OrderOperations {
    static let all = [create, list, show, receive, parts, deposit, result, plugins]

    private static let create = Operation(
        .orderCreate, "order.create", isSynced: true, answersSecret: false, isAboutTheAgent: false, detail: .none,
        begins: .bringingBlocks(.reading),
        reads: { try NewOrder($0) },
        calls: { call, new in call.ordering(try call.agent.orders.create(call.caller, new)) })

    private static let list = Operation(
        .orderList, "order.list", isSynced: false, answersSecret: false, isAboutTheAgent: false, detail: .none,
        begins: .lane(.reading),
        reads: {
            (
                page: $0.page, filters: try OrderFilters($0.filters.map { ($0.name, $0.value) }),
                identities: $0.identities
            )
        },
        calls: { call, asked in
            call.done {
                let page = try call.agent.orders.list(
                    call.caller, count: asked.page.count, cursor: asked.page.cursor, filters: asked.filters,
                    of: asked.identities)
                $0.orders = page.items.map(AgentOrder.init)
                $0.cursor = page.cursor
            }
        })

    private static let show = Operation(
        .orderShow, "order.show", isSynced: false, answersSecret: false, isAboutTheAgent: false, detail: .none,
        begins: .lane(.reading),
        reads: { $0.subject },
        calls: { call, order in
            call.slow(try call.agent.orders.show(call.caller, order)) {
                $1.orders = [AgentOrder($0.order)]
                $1.parts = $0.parts.map(AgentOrderPart.init)
                $1.fields = fields($0.fields)
            }
        })

    private static let receive = Operation(
        .orderReceive, "order.receive", isSynced: true, answersSecret: false, isAboutTheAgent: false, detail: .none,
        begins: .bringingBlocks(.reading),
        reads: { $0.subject },
        calls: { call, part in call.ordering(try call.agent.orders.receive(call.caller, part)) })

    private static let parts = Operation(
        .orderParts, "order.parts", isSynced: false, answersSecret: false, isAboutTheAgent: false, detail: .none,
        begins: .lane(.reading),
        reads: { (part: $0.subject, page: $0.page, identities: $0.identities) },
        calls: { call, asked in
            call.done {
                let page = try call.agent.orders.parts(
                    after: asked.part, of: asked.identities, count: asked.page.count, cursor: asked.page.cursor)
                $0.parts = page.items.map(AgentOrderPart.init)
                $0.cursor = page.cursor
            }
        })

    private static let deposit = Operation(
        .orderDeposit, "order.deposit", isSynced: true, answersSecret: false, isAboutTheAgent: false, detail: .none,
        begins: .bringingBlocks(.reading),
        reads: { (order: $0.subject, data: $0.data, contentType: $0.contentType) },
        calls: { call, secret in
            let step = try call.agent.orders.deposit(
                call.caller, secret.order, data: [UInt8](secret.data), contentType: secret.contentType)
            return call.slow {
                let (answer, cid) = try step($0)
                return call.noting(answer).done {
                    $0.set(answer)
                    $0.cid = cid.description
                }
            }
        })

    private static let result = Operation(
        .orderResult, "order.result", isSynced: true, answersSecret: true, isAboutTheAgent: false, detail: .none,
        begins: .bringingBlocks(.reading),
        reads: { (order: $0.subject, use: Int($0.use)) },
        calls: { call, asked in
            let step = try call.agent.orders.result(call.caller, asked.order, use: asked.use)
            return call.slow(step) { $1.set($0) }
        })

    private static let plugins = Operation(
        .pluginList, "plugin.list", isSynced: false, answersSecret: false, isAboutTheAgent: false, detail: .none,
        begins: .atOnce,
        reads: { _ in },
        calls: { call, _ in
            call.answer { $0.plugins = call.agent.orders.plugins.entries.map { AgentPlugin($0.plugin, $0.origin) } }
        })
}

extension NewOrder {
    fileprivate init(_ request: AgentRequest) throws {
        guard let details = request.details.first, let new = details.newOrder.first, details.newOrder.count == 1 else {
            throw DTAError(.invalidArgument, "one order is made at a time: new_order has it")
        }
        self.init()
        type = new.type
        principal = new.principal
        fiduciary = new.fiduciary
        beneficiary = new.beneficiary
        redeemers = new.redeemers
        recipient = new.recipient
        approvers = new.approvers
        approvals = Int(new.approvals)
        requesterMayApprove = new.requesterMayApprove
        notBefore = new.notBefore
        notAfter = new.notAfter
        maxUses = Int(new.maxUses)
        fields = new.fields.map { ($0.name, $0.value) }
    }
}
