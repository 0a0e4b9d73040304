import AgentProtocol
import AgentServer
import CustodyProtocol
import DTACore
import DTAFormats
import DTASystem
import Foundation

/// Orders, and the beneficiary's shares of wallets.
extension Router {
    func routeOrder(_ request: AgentRequest, _ caller: Caller, _ entry: Entry) throws -> Step {
        let orders = agent.orders
        let subject = request.subject
        switch request.operation {
        case .orderCreate:
            let new = try NewOrder(request)
            return entry.bringing { ordering(entry, try orders.create(caller, new)) }
        case .orderReceive:
            return entry.bringing { ordering(entry, try orders.receive(caller, subject)) }
        case .orderFulfil:
            return entry.bringing {
                ordering(
                    entry,
                    try orders.fulfil(
                        caller, subject, decision: request.decision, reason: request.purpose,
                        redemption: request.redemption))
            }
        case .orderRedeem:
            let identity = try asWhom(request)
            return entry.bringing {
                ordering(
                    entry,
                    try orders.redeem(
                        caller, subject, as: identity, purpose: request.purpose, data: [UInt8](request.data),
                        fields: request.requestFields.map { ($0.name, $0.value) }))
            }
        case .orderApprove:
            let identity = try asWhom(request)
            return entry.bringing {
                ordering(
                    entry,
                    try orders.approve(
                        caller, subject, as: identity, decision: request.decision, redemption: request.redemption,
                        use: Int(request.use), expires: request.expires))
            }
        case .orderDestroy:
            return entry.bringing {
                let step = try orders.destroy(caller, subject)
                return entry.slow {
                    let answer = try step($0)
                    return entry.noting(answer).done { $0.set(answer) }
                }
            }
        case .orderDeposit:
            return entry.bringing {
                let step = try orders.deposit(
                    caller, subject, data: [UInt8](request.data), contentType: request.contentType)
                return entry.slow {
                    let (answer, cid) = try step($0)
                    return entry.noting(answer).done {
                        $0.set(answer)
                        $0.cid = cid.description
                    }
                }
            }
        case .orderResult:
            let use = Int(request.use)
            return entry.bringing {
                let step = try orders.result(caller, subject, use: use)
                return entry.slow({ SecretResult(try step($0)) }) { $1.set($0) }
            }
        case .orderShow:
            return entry.lookingUp {
                entry.slow(try orders.show(caller, subject)) {
                    $1.orders = [AgentOrder($0.order)]
                    $1.parts = $0.parts.map(AgentOrderPart.init)
                    $1.fields = fields($0.fields)
                }
            }
        case .orderList:
            let filters = try OrderFilters(request.filters.map { ($0.name, $0.value) })
            let identities = request.identities
            return entry.reading {
                let page = try orders.list(
                    caller, count: request.count, cursor: request.cursor, filters: filters, of: identities)
                $0.orders = page.items.map(AgentOrder.init)
                $0.cursor = page.cursor
            }
        case .orderParts:
            let identities = request.identities
            return entry.reading {
                let page = try orders.parts(
                    after: subject, of: identities, count: request.count, cursor: request.cursor)
                $0.parts = page.items.map(AgentOrderPart.init)
                $0.cursor = page.cursor
            }
        case .orderEpochs:
            let step =
                switch request.decision {
                case "": try orders.listEpochs(caller)
                case "destroy": try orders.destroyEpoch(caller, subject)
                case "renew": try orders.renewEpochs(caller)
                default:
                    throw DTAError(.invalidArgument, "about epochs one decides destroy or renew, and nothing else")
                }
            return entry.slow(step) {
                $1.lines = $0.epochs.map(\.line)
                if let restored = $0.restored { $1.fields = fields([("restored", "\(restored)")]) }
            }
        case .pluginList:
            return entry.answer { $0.plugins = orders.plugins.entries.map { AgentPlugin($0.plugin, $0.origin) } }
        default: throw Router.unknown(request.operation)
        }
    }

    func routeWallet(_ request: AgentRequest, _ caller: Caller, _ entry: Entry) throws -> Step {
        let orders = agent.orders
        let subject = request.subject
        switch request.operation {
        case .walletPublishShares:
            let count = request.count
            return entry.lookingUp {
                entry.slow(try orders.publishShares(caller, subject, count: count)) {
                    $1.cid = $0.cid.description
                    $1.shares = $0.shares.map(AgentWalletShare.init)
                }
            }
        case .walletListShares:
            return entry.reading {
                let page = try orders.listShares(caller, count: request.count, cursor: request.cursor)
                $0.shares = page.items.map(AgentWalletShare.init)
                $0.cursor = page.cursor
            }
        case .walletExport:
            return entry.bringing {
                let step = try orders.export(caller, subject)
                return entry.slow({ SecretResult(try step($0)) }) { $1.set($0) }
            }
        default: throw Router.unknown(request.operation)
        }
    }

    /// An act on an order, answered with what came of it. Where a plugin that is a program may be asked, it is done where
    /// one waits for that program, and each call to the HSM goes to the slow lane by itself.
    private func ordering(_ entry: Entry, _ act: OrderAct) -> Step {
        guard let program = act.program else { return entry.slow { ordering(entry, try act.begin($0)) } }
        return entry.consulting(program) { ordering(entry, try act.begin(lane)) }
    }

    private func ordering(_ entry: Entry, _ outcome: OrderAct.Outcome) -> Step {
        switch outcome {
        case .done(let answer): entry.noting(answer).done { $0.set(answer) }
        case .more(let act): ordering(entry, act)
        }
    }

    private func asWhom(_ request: AgentRequest) throws -> String? {
        guard request.identities.count <= 1 else {
            throw DTAError(
                .invalidArgument, "it is done as one identity, not as \(request.identities.count)")
        }
        return request.identities.first
    }
}

extension Entry {
    /// With what is known of an order only when it is done: its reference, and the parts that answer the request, by the
    /// words and CIDs with which `order show` and `order verify` tell of them.
    fileprivate func noting(_ answer: OrderService.Answer) -> Entry {
        answer.parts.prefix(3).reduce(noting("order", answer.order.reference)) {
            $0.noting("part", "\($1.part.kind.rawValue):\($1.part.cid)")
        }
    }
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

/// What was released, on its way into an answer, in memory that is wiped in the end.
private struct SecretResult: Sendable {
    let data: Data
    let fields: [(String, String)]

    init(_ result: consuming OrderService.Result) {
        fields = result.fields
        var bytes = result.data
        // So that these are the only ones, and are wiped where they are.
        result.data = []
        data = Data(secret: bytes)
        wipe(&bytes)
    }
}

extension AgentResponse {
    fileprivate mutating func set(_ answer: OrderService.Answer) {
        orders = [AgentOrder(answer.order)]
        parts = answer.parts.map(AgentOrderPart.init)
        fields = dtad.fields(answer.fields)
    }

    fileprivate mutating func set(_ result: SecretResult) {
        data = result.data
        fields = dtad.fields(result.fields)
    }
}
