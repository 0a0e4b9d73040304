import AgentProtocol
import DTACourier
import DTAFormats

extension AgentOrder {
    var members: [(String, JSON)] {
        let optional = { (text: String) in text.isEmpty ? JSON.null : .string(text) }
        let moment = { (seconds: Int64) in seconds == 0 ? JSON.null : .number(seconds) }
        let list = { (texts: [String]) in JSON.array(texts.map { .string($0) }) }
        return [
            ("reference", .string(reference)), ("cid", .string(cid)), ("type", .string(type)),
            ("state", .string(state)), ("next", optional(nextText)), ("next_step", nextMembers),
            ("reason", optional(reason)),
            ("principal", .string(principal)), ("fiduciary", .string(fiduciary)),
            ("beneficiary", optional(beneficiary)), ("redeemers", list(redeemers)), ("recipient", optional(recipient)),
            ("approvers", list(approvers)), ("approvals", .number(Int64(approvals))),
            ("requester_may_approve", .bool(requesterMayApprove)), ("not_before", moment(notBefore)),
            ("not_after", moment(notAfter)), ("max_uses", .number(Int64(maxUses))), ("uses", .number(Int64(uses))),
            ("approved", .number(Int64(approved))), ("created", .number(created)), ("updated", .number(updated)),
            ("roles", list(roles)), ("fields", jsonObject(fields)), ("commitment", .bytes(commitment)),
        ]
    }
}

extension AgentOrder {
    /// The next step, for programs: null if there is none. It has only the members of its step.
    private var nextMembers: JSON {
        guard !nextStep.step.isEmpty else { return .null }
        var members: [(String, JSON)] = [
            ("step", .string(nextStep.step)), ("by", nextStep.by.isEmpty ? .null : .string(nextStep.by)),
        ]
        switch knownStep {
        case .redeem:
            members += [
                ("use", .number(Int64(nextStep.use))),
                ("not_before", nextStep.notBefore == 0 ? .null : .number(nextStep.notBefore)),
                ("deposit_missing", .bool(nextStep.depositMissing)), ("was_refused", .bool(nextStep.wasRefused)),
                ("refusal_reason", nextStep.refusalReason.isEmpty ? .null : .string(nextStep.refusalReason)),
            ]
        case .approve: members.append(("missing", .number(Int64(nextStep.missing))))
        case .refuse:
            members += [
                ("refusal", .string(nextStep.refusal)), ("rejections", .number(Int64(nextStep.rejections))),
            ]
        case .expired: members.append(("not_after", .number(nextStep.notAfter)))
        default: break
        }
        return .object(members)
    }
}

extension AgentOrderPart {
    var members: [(String, JSON)] {
        let optional = { (text: String) in text.isEmpty ? JSON.null : .string(text) }
        return [
            ("cid", .string(cid)), ("kind", .string(kind)), ("use", .number(Int64(use))), ("from", .string(from)),
            ("to", .array(to.map { .string($0) })), ("previous", optional(previous)), ("created", .number(created)),
            ("received", .number(received)), ("status", .string(status)), ("reason", optional(reason)),
            ("standing", .string(standing)), ("purpose", optional(purpose)), ("decision", optional(decision)),
            ("urls", .array(urls.map { .string($0) })), ("fields", jsonObject(fields)), ("open", .bool(open)),
        ]
    }
}

/// Fields as one object; if a name comes twice, the last one.
func jsonObject(_ fields: [AgentField]) -> JSON {
    var members: [(String, JSON)] = []
    for field in fields {
        members.removeAll { $0.0 == field.name }
        members.append((field.name, JSON.string(field.value)))
    }
    return JSON.object(members)
}
