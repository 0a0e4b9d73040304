import AgentProtocol
import DTACore
import DTAFormats

/// The fields of a request, beside its subject, that decide what is done (docs/audit.md).
struct RequestDetail: Sendable {
    let add: @Sendable (AgentRequest, inout AuditDetail) -> Void

    static let none = RequestDetail { _, _ in }

    static let decision = RequestDetail { request, detail in
        if !request.decision.isEmpty { detail.add("decision", request.decision) }
    }

    /// Why a client refuses what it was to import.
    static let why = RequestDetail { request, detail in
        if !request.decision.isEmpty { detail.add("why", request.decision) }
    }

    static let alias = RequestDetail { request, detail in
        if !request.alias.isEmpty { detail.add("alias", request.alias) }
    }

    static let redemption = RequestDetail { request, detail in
        if !request.redemption.isEmpty { detail.add("redemption", request.redemption) }
    }

    /// The signature scheme of an RSA key.
    static let scheme = RequestDetail { request, detail in
        guard !request.details.isEmpty, let scheme = RSAScheme(rawValue: UInt8(clamping: request.scheme.rawValue))
        else {
            return
        }
        detail.add("scheme", scheme.name)
    }

    static func + (first: RequestDetail, second: RequestDetail) -> RequestDetail {
        RequestDetail { request, detail in
            first.add(request, &detail)
            second.add(request, &detail)
        }
    }
}
