import CustodyProtocol
import DTACore
import DTAFormats
import DTAIdentities
import DTAPlugins
import DTASystem

/// What a principal does: it orders, and deposits the secret to keep.
struct Principal: Sendable {
    let orders: OrderLookup
    let book: OrderBook
    let office: PostOffice
    let views: OrderViews
    let plugins: PluginRegistry
    let fiduciary: Fiduciary
    let beneficiary: Beneficiary
    let clock: WallClock

    var lookup: PartyLookup { book.lookup }
    private var identities: IdentityService { book.lookup.identities }

    /// Part 1.
    func create(_ caller: Caller, _ new: NewOrder) throws -> OrderAct {
        let owner = try Owner(of: caller)
        let principal = try lookup.principal(caller, new.principal)
        let terms = try terms(new, principal)
        let type = new.type.isEmpty ? "secret" : new.type
        let isHere = try lookup.isFiduciaryHere(terms)
        // A fiduciary on another host may have plugins that are not known here.
        let plugin: (any OrderPlugin)?
        do {
            plugin = try plugins.plugin(type)
        } catch {
            guard !isHere else { throw error }
            plugin = nil
        }
        let fields = try fields(new.fields, plugin)
        let draft = try make(type, terms, fields)
        let program = plugins.program(type)
        // A program is asked later, when the request may wait.
        if program == nil { try plugin?.validate(PluginOrder(of: draft, nil)) }
        return office.act(program) { post in
            if program != nil { try plugin?.validate(PluginOrder(of: draft, nil)) }
            let (order, share) = try beneficiary.complete(draft, caller, post)
            let letter = try post.seal(
                .order(order), from: principal, to: [terms.fiduciary, terms.principal], needed: [terms.fiduciary],
                answering: nil)
            CrashPoint.reach(.orderCreateSealed)
            let number = try book.begin(letter, order, by: owner) { try share?.store($0) }.number
            let made = try isHere ? fiduciary.take(up: number, letter, post) : []
            return try views.answer(caller, number, [letter.signed.cid] + made)
        }
    }

    private func make(_ type: String, _ terms: OrderTerms, _ fields: [String: OrderFieldValue]) throws -> Order {
        try explaining("the order cannot be made") {
            try Order(kind: type, terms: terms, fields: try OrderFields(fields))
        }
    }

    private func terms(_ new: NewOrder, _ principal: IdentityRecord) throws -> OrderTerms {
        guard !new.fiduciary.isEmpty else {
            throw DTAError(.invalidArgument, "an order names its fiduciary", helps: .nameFiduciary)
        }
        let named = [new.fiduciary, new.beneficiary, new.recipient] + new.redeemers + new.approvers
        try identities.need(named.filter { !$0.isEmpty })
        func cid(_ subject: String) throws -> CID? {
            try subject.isEmpty ? nil : identities.recipient(subject).cid
        }
        let beneficiary = try cid(new.beneficiary)
        guard beneficiary == nil || !new.redeemers.isEmpty else {
            throw DTAError(
                .invalidArgument, "an order with a beneficiary names who may redeem it", helps: .nameRedeemers)
        }
        let redeemers = try new.redeemers.compactMap(cid)
        var approvers: [CID] = []
        for subject in new.approvers {
            guard let approver = try cid(subject) else { continue }
            guard !approvers.contains(approver) else {
                throw DTAError(
                    .invalidArgument, "\(quoted(subject)) is named twice among the approvers, and counts once")
            }
            approvers.append(approver)
        }
        guard new.maxUses >= 0, new.notBefore >= 0, new.notAfter >= 0 else {
            throw DTAError(.invalidArgument, "the times and uses of an order are not negative")
        }
        guard new.notAfter == 0 || new.notAfter > clock.now else {
            throw DTAError(.invalidArgument, "the order would have expired already when it is made")
        }
        guard let fiduciary = try cid(new.fiduciary) else {
            throw DTAError(.invalidArgument, "an order names its fiduciary")
        }
        return try explaining("these terms cannot be kept") {
            try OrderTerms(
                fiduciary: fiduciary, principal: principal.cid, beneficiary: beneficiary,
                redeemers: redeemers.isEmpty ? [principal.cid] : redeemers,
                recipient: try cid(new.recipient) ?? beneficiary ?? principal.cid, approvers: approvers,
                approvals: new.approvals, requesterMayApprove: new.requesterMayApprove,
                notBefore: new.notBefore == 0 ? nil : new.notBefore, notAfter: new.notAfter == 0 ? nil : new.notAfter,
                maxUses: new.maxUses == 0 ? 1 : new.maxUses)
        }
    }

    // MARK: Fields

    /// Fields as clients write them: bytes in hexadecimal, numbers in decimal; fields that the plugin does not know are
    /// text.
    private func fields(_ fields: [(String, String)], _ plugin: (any OrderPlugin)?) throws -> [String: OrderFieldValue]
    {
        var values: [String: OrderFieldValue] = [:]
        for (name, text) in fields {
            let kind = plugin?.fields.first { $0.name == name }?.kind ?? .text
            guard values[name] == nil else {
                throw DTAError(.invalidArgument, "the field \(quoted(name)) is given twice")
            }
            guard let value = OrderFieldValue(text, as: kind) else {
                throw DTAError(
                    .invalidArgument,
                    "the field \(quoted(name)) is \(kind == .bytes ? "bytes in hexadecimal" : "a whole number")")
            }
            values[name] = value
        }
        for field in plugin?.fields ?? [] where field.isRequired && values[field.name] == nil {
            throw DTAError(
                .invalidArgument, "an order of this type needs the field \(field.name): \(field.explanation)",
                helps: .giveField, about: field.name)
        }
        return values
    }
}
