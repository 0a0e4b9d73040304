import AgentProtocol
import DTABytes
import DTACore
import DTAFormats
import DTAOrders
import DTAPlugins
import Foundation

// Orders on the agent's wire.

extension AgentOrder {
    init(_ order: OrderView) {
        self.init()
        let terms = order.terms
        cid = order.cid.description
        reference = order.reference
        state = order.state.rawValue
        guard order.isOpen else { return }
        type = order.type
        if let step = order.next {
            next = step.text(order)
            nextStep = AgentNextStep(step)
        }
        principal = terms.principal.description
        fiduciary = terms.fiduciary.description
        beneficiary = terms.beneficiary?.description ?? ""
        redeemers = terms.redeemers.map(\.description)
        recipient = terms.recipient.description
        approvers = terms.approvers.map(\.description)
        approvals = UInt32(terms.approvals)
        requesterMayApprove = terms.requesterMayApprove
        notBefore = terms.notBefore ?? 0
        notAfter = terms.notAfter ?? 0
        maxUses = UInt32(terms.maxUses)
        uses = UInt32(order.uses)
        approved = UInt32(order.approved)
        created = order.created
        updated = order.updated
        roles = order.roles
        fields = dtad.fields(order.fields)
        commitment = Data(order.commitment)
        reason = order.reason
    }
}

extension AgentOrderPart {
    init(_ view: OrderPartView) {
        self.init()
        let part = view.part
        cid = part.cid.description
        kind = part.kind.rawValue
        use = UInt32(part.use)
        from = part.from.description
        to = view.to.map(\.description)
        previous = part.previous?.description ?? ""
        created = part.created
        received = part.received
        status = part.status.rawValue
        reason = view.reason
        standing = view.standing
        purpose = view.purpose
        decision = part.decision?.rawValue ?? ""
        urls = view.urls
        fields = dtad.fields(view.fields)
        open = view.isOpen
    }
}

extension AgentOrderPart {
    init(_ part: FollowingPart) {
        self.init()
        cid = part.cid.description
        kind = part.kind.rawValue
        previous = part.previous?.description ?? ""
    }
}

extension AgentResponse {
    mutating func set(_ answer: OrderAnswer) {
        orders = [AgentOrder(answer.order)]
        parts = answer.parts.map(AgentOrderPart.init)
        fields = dtad.fields(answer.fields)
    }

    mutating func set(_ result: OrderResult) {
        data = Data(secret: result.data)
        fields = dtad.fields(result.fields)
    }
}

extension AgentPlugin {
    init(_ plugin: any OrderPlugin, _ origin: PluginRegistry.Origin) {
        self.init()
        type = plugin.type.name
        kind = origin.rawValue
        summary = plugin.summary
        keeps = plugin.keeps.rawValue
        fields = dtad.fields(plugin.fields.map { ($0.isRequired ? $0.name : $0.name + "?", $0.explanation) })
    }
}

extension AgentWalletShare {
    init(_ share: WalletShare) {
        self.init()
        self.share = Data(share.share)
        identity = share.identity.description
        published = share.published?.description ?? ""
        order = share.order?.description ?? ""
        created = share.created
    }
}
