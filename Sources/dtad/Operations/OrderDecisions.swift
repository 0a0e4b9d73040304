import AgentProtocol
import DTASystem

/// Decisions about orders, by their parties and by their fiduciary.
enum OrderDecisions {
    static let all = [fulfil, redeem, approve, destroy, epochs]

    private static let fulfil = Operation(
        .orderFulfil, "order.fulfil", isSynced: true, answersSecret: false, isAboutTheAgent: false,
        detail: .decision + .redemption, begins: .bringingBlocks(.reading),
        reads: { (order: $0.subject, decision: $0.decision, reason: $0.purpose, redemption: $0.redemption) },
        calls: { call, asked in
            call.ordering(
                try call.agent.orders.fulfil(
                    call.caller, asked.order, decision: asked.decision, reason: asked.reason,
                    redemption: asked.redemption))
        })

    private static let redeem = Operation(
        .orderRedeem, "order.redeem", isSynced: true, answersSecret: false, isAboutTheAgent: false, detail: .none,
        begins: .bringingBlocks(.reading),
        reads: {
            (
                order: $0.subject, identity: try asWhom($0), purpose: $0.purpose, data: $0.data,
                fields: $0.requestFields
            )
        },
        calls: { call, asked in
            call.ordering(
                try call.agent.orders.redeem(
                    call.caller, asked.order, as: asked.identity, purpose: asked.purpose, data: [UInt8](asked.data),
                    fields: asked.fields.map { ($0.name, $0.value) }))
        })

    private static let approve = Operation(
        .orderApprove, "order.approve", isSynced: true, answersSecret: false, isAboutTheAgent: false,
        detail: .decision + .redemption, begins: .bringingBlocks(.reading),
        reads: {
            (
                order: $0.subject, identity: try asWhom($0), decision: $0.decision, redemption: $0.redemption,
                use: Int($0.use), expires: $0.expires
            )
        },
        calls: { call, asked in
            call.ordering(
                try call.agent.orders.approve(
                    call.caller, asked.order, as: asked.identity, decision: asked.decision,
                    redemption: asked.redemption, use: asked.use, expires: asked.expires))
        })

    private static let destroy = Operation(
        .orderDestroy, "order.destroy", isSynced: true, answersSecret: false, isAboutTheAgent: false, detail: .none,
        begins: .bringingBlocks(.reading),
        reads: { $0.subject },
        calls: { call, order in
            let step = try call.agent.orders.destroy(call.caller, order)
            return call.slow { call.done(try step($0)) }
        })

    private static let epochs = Operation(
        .orderEpochs, "order.epochs", isSynced: true, answersSecret: false, isAboutTheAgent: false, detail: .decision,
        begins: .atOnce,
        reads: { (decision: $0.decision, epoch: $0.subject) },
        calls: { call, asked in
            let orders = call.agent.orders
            let step =
                switch asked.decision {
                case "": try orders.listEpochs(call.caller)
                case "destroy": try orders.destroyEpoch(call.caller, asked.epoch)
                case "renew": try orders.renewEpochs(call.caller)
                default:
                    throw DTAError(.invalidArgument, "the decision about epochs is destroy or renew")
                }
            return call.slow(step) {
                $1.lines = $0.epochs.map(\.line)
                if let restored = $0.restored { $1.fields = fields([("restored", "\(restored)")]) }
            }
        })

    private static func asWhom(_ request: AgentRequest) throws -> String? {
        guard request.identities.count <= 1 else {
            throw DTAError(
                .invalidArgument, "it is done as one identity, not as \(request.identities.count)")
        }
        return request.identities.first
    }
}
