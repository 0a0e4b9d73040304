import DTABytes
import DTAFormats
import DTAJSON
import DTASystem

/// A call to a plugin.
enum PluginHook: String, Sendable, CaseIterable {
    case hello, validate, commit, prepare, release
}

/// One line to a plugin.
struct PluginRequest: Sendable {
    /// The protocol's name and version, in every line of both sides.
    static let version = "dta/plugin/1"

    let hook: PluginHook
    /// 16 hexadecimal digits, new for each request: the answer repeats it, so no answer can be prepared before.
    let id: String
    private let members: [String: JSONValue]

    private init(_ hook: PluginHook, _ members: [String: JSONValue] = [:]) {
        self.hook = hook
        self.members = members
        let digits = String(UInt64.random(in: .min ... .max), radix: 16)
        id = String(repeating: "0", count: 16 - digits.count) + digits
    }

    static var hello: PluginRequest { PluginRequest(.hello) }

    static func validate(_ order: PluginOrder) -> PluginRequest { PluginRequest(.validate, ["order": order.json]) }

    static func commit(_ order: PluginOrder) -> PluginRequest { PluginRequest(.commit, ["order": order.json]) }

    static func prepare(_ order: PluginOrder, _ redemption: PluginRedemption) -> PluginRequest {
        PluginRequest(.prepare, ["order": order.json, "redemption": redemption.json])
    }

    static func release(_ order: PluginOrder, _ redemption: PluginRedemption, state: SecretReference) -> PluginRequest {
        PluginRequest(
            .release, ["order": order.json, "redemption": redemption.json, "state": .base64(state)])
    }

    /// With its newline.
    var line: [UInt8] { Array((json.line + "\n").utf8) }

    var json: JSONValue {
        JSONValue(
            sorting: members.merging(
                ["dta": .string(Self.version), "hook": .string(hook.rawValue), "id": .string(id)]) { $1 })
    }
}

extension PluginOrder {
    var json: JSONValue {
        var members: [String: JSONValue] = [
            "type": .string(kind.name), "terms": terms.json, "fields": JSONValue(fields: fields),
        ]
        members["cid"] = cid.map { .string($0.description) }
        members["reference"] = reference.isEmpty ? nil : .string(reference)
        members["commitment"] = commitment.map { .base64($0) }
        return JSONValue(sorting: members)
    }
}

extension PluginRedemption {
    var json: JSONValue {
        var members: [String: JSONValue] = [
            "cid": .string(cid.description), "use": .integer(Int64(use)), "redeemer": .string(redeemer.description),
            "request": JSONValue(fields: request),
        ]
        members["purpose"] = purpose.map { .string($0) }
        return JSONValue(sorting: members)
    }
}

extension OrderTerms {
    fileprivate var json: JSONValue {
        func list(_ cids: [CID]) -> JSONValue { .array(cids.map { .string($0.description) }) }
        var members: [String: JSONValue] = [
            "fiduciary": .string(fiduciary.description), "principal": .string(principal.description),
            "redeemers": list(redeemers), "recipient": .string(recipient.description), "approvers": list(approvers),
            "approvals": .integer(Int64(approvals)), "max_uses": .integer(Int64(maxUses)),
        ]
        members["beneficiary"] = beneficiary.map { .string($0.description) }
        if approvals > 0 { members["requester_may_approve"] = .bool(requesterMayApprove) }
        members["not_before"] = notBefore.map { .integer($0) }
        members["not_after"] = notAfter.map { .integer($0) }
        return JSONValue(sorting: members)
    }
}

extension JSONValue {
    /// Text is a string, an integer a number, and bytes are {"base64": "…"}.
    fileprivate init(fields: [String: OrderFieldValue]) {
        self.init(
            sorting: fields.mapValues { value in
                switch value {
                case .text(let text): .string(text)
                case .integer(let number): .integer(number)
                case .bytes(let bytes): ["base64": .base64(bytes)]
                }
            })
    }
}
