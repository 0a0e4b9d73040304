import CustodyProtocol
import DTAFormats
import DTAPlugins
import DTASystem
import GRDB

/// Part 3, and what approvers say of it.
extension OrderService {
    /// Asks for the release, or for a use.
    /// - Parameters: `identity`: as whom; nil: whichever of the caller's may; `data`: what a use is about; `fields`: what
    ///   the plugin asks for beside.
    public func redeem(
        _ caller: Caller, _ subject: String, as identity: String?, purpose: String, data: [UInt8],
        fields: [(String, String)]
    ) throws -> OrderAct {
        let record = try find(caller, subject)
        let redeemer = try acting(
            caller, .order, among: record.terms.redeemers, of: record, as: identity, what: "redeem")
        return OrderAct(try program(record)) { [self] custodian in
            let record = try store.read { try OrderTable.need(record.number, in: $0) }
            let request = try request(record, data, fields, custodian)
            if let again = try openRedemption(record, by: redeemer, purpose, request, custodian) {
                return try answer(caller, record.number, again)
            }
            guard let head = record.progress.head, [.committed, .released].contains(record.state) else {
                throw refusalToRedeem(record)
            }
            if let late = times(record.terms) { throw late.error }
            let redemption = try explaining("the redemption cannot be made") {
                try OrderRedemption(
                    order: record.cid, terms: record.terms, use: record.progress.uses + 1,
                    nonce: custodian.random(count: 16), purpose: purpose.isEmpty ? nil : purpose,
                    request: OrderFields(request))
            }
            let letter = try seal(
                .redemption(redemption), from: redeemer, to: [record.terms.fiduciary] + record.terms.approvers,
                needed: [record.terms.fiduciary], answering: envelopes.verified(head), custodian)
            let objection = try requestDenial(letter, record.number, custodian)
            if let objection { throw DTAError(.invalidArgument, objection.reason) }
            CrashPoint.reach(.orderRedeemSealed)
            try store(letter, by: redeemer.owner, in: record.number)
            CrashPoint.reach(.orderRedeemStored)
            let made = try advance(record.number, custodian)
            return try answer(caller, record.number, [letter.signed.cid] + made)
        }
    }

    private func refusalToRedeem(_ record: OrderRecord) -> DTAError {
        let what = "order \(record.reference) cannot be redeemed now"
        switch record.state {
        case .ordered: return DTAError(.failedPrecondition, "\(what): its fiduciary has not committed itself yet")
        case .requested:
            return DTAError(
                .failedPrecondition, "\(what): the redemption \(record.progress.open.map(String.init) ?? "") is open",
                hint: "wait for its answer")
        case .exhausted:
            return DTAError(.failedPrecondition, "\(what): all \(record.terms.maxUses) uses of it were released")
        default: return DTAError(.failedPrecondition, "\(what): it is \(record.state.rawValue). \(record.reason)")
        }
    }

    /// What is asked for, as the plugin is told.
    private func request(
        _ record: OrderRecord, _ data: [UInt8], _ fields: [(String, String)], _ custodian: any Custodian
    ) throws -> [String: OrderFieldValue] {
        var request: [String: OrderFieldValue] = [:]
        for (name, text) in fields {
            guard request.updateValue(.text(text), forKey: name) == nil else {
                throw DTAError(.invalidArgument, "the field \(quoted(name)) is given twice")
            }
        }
        guard !data.isEmpty || record.kind == SignPlugin().type.name else { return request }
        let algorithm = try commitment(record, custodian)?.fields[SignPlugin.algorithm]?.text
        for (name, value) in SignPlugin.request(data, algorithm: algorithm) { request[name] = value }
        return request
    }

    /// Part 2, where it can be read here.
    func commitment(_ record: OrderRecord, _ custodian: any Custodian) throws -> OrderCommitment? {
        guard let cid = record.progress.commitment else { return nil }
        guard case .commitment(let commitment) = try part(cid, custodian).part else {
            throw DTAError(.internal, "\(cid) is no commitment")
        }
        return commitment
    }

    /// The same request, made before: it has the same answer.
    private func openRedemption(
        _ record: OrderRecord, by redeemer: IdentityRecord, _ purpose: String, _ request: [String: OrderFieldValue],
        _ custodian: any Custodian
    ) throws -> [CID]? {
        guard record.state == .requested, let open = record.progress.open,
            try store.read({ try OrderPartTable.find(open, in: $0) })?.from == redeemer.cid,
            case .redemption(let before) = try part(open, custodian).part,
            before.purpose ?? "" == purpose, before.request.values == request
        else { return nil }
        return try [open] + advance(record.number, custodian)
    }

    // MARK: Approving

    /// - Parameters: `decision`: approve or reject; `use`: 0: the open one; `expires`: Unix seconds; 0: a day from now.
    public func approve(
        _ caller: Caller, _ subject: String, as identity: String?, decision: String, use: Int, expires: Int64
    ) throws -> OrderAct {
        let record = try find(caller, subject)
        let approver = try acting(
            caller, .approve, among: record.terms.approvers, of: record, as: identity, what: "approve redemptions of")
        guard let decision = OrderApproval.Decision(rawValue: decision) else {
            throw DTAError(.invalidArgument, "an approver decides approve or reject, not \(quoted(decision))")
        }
        let end = expires == 0 ? OrderService.now + 86_400 : expires
        guard end > OrderService.now else {
            throw DTAError(.invalidArgument, "the approval would have expired already when it is made")
        }
        guard let open = record.progress.open, record.state == .requested,
            use == 0 || use == record.progress.uses + 1
        else {
            throw DTAError(
                .failedPrecondition,
                "no redemption of order \(record.reference)\(use == 0 ? "" : " for use \(use)") is open here")
        }
        let redemption = try envelopes.verified(open)
        return OrderAct(try program(record)) { [self] custodian in
            let before = try store.read { database in
                try OrderPartTable.approvals(of: open, at: OrderService.now, in: database).first {
                    $0.from == approver.cid
                }
            }
            if let before {
                guard before.decision == decision else {
                    throw DTAError(
                        .failedPrecondition,
                        "\(identities.display(approver.cid)) has decided about this redemption already")
                }
                return try answer(caller, record.number, [before.cid] + advance(record.number, custodian))
            }
            let approval = try explaining("the approval cannot be made") {
                try OrderApproval(
                    order: record.cid, redemption: open, use: record.progress.uses + 1, decision: decision,
                    expires: end, by: approver.cid)
            }
            let signed = try explaining("the approval cannot be signed") {
                try SignedApproval(
                    signing: approval, approver: blocks.document(approver.cid), with: approver.keys.sign(custodian),
                    postQuantum: approver.keys.signPostQuantum(custodian))
            }
            let letter = try seal(
                .approval(signed), from: approver, to: [record.terms.fiduciary], needed: [record.terms.fiduciary],
                answering: redemption, custodian)
            CrashPoint.reach(.orderApproveSealed)
            try store(letter, by: approver.owner, in: record.number)
            CrashPoint.reach(.orderApproveStored)
            let made = try advance(record.number, custodian)
            return try answer(caller, record.number, [letter.signed.cid] + made)
        }
    }
}
