import DTAFormats
import DTASystem

/// A no: why a part has no effect.
struct Refusal: Sendable, Hashable {
    /// Stable names, as the signed refusals (`OrderRefusal`) tell them.
    enum Code: String, Sendable, CaseIterable {
        /// The order is not in a state for it.
        case outOfOrder = "out-of-order"
        /// It does not follow what it would have to follow.
        case fork
        /// Another redemption was there first.
        case taken
        /// All uses were released.
        case exhausted
        case frozen, destroyed, refused
        /// The sender has no part in the order, or not this one.
        case stranger
        /// What it says contradicts the terms or its own header.
        case mismatch
        /// The redeemer, or the recipient, was replaced or revoked before it was answered.
        case replaced
        /// So many approvers said no, or cannot act any more, that the others are too few.
        case rejected
        /// Outside of the time that the terms allow.
        case time
        /// This fiduciary does not accept such orders.
        case policy
        /// The plugin refuses it.
        case plugin
        /// Somebody at the fiduciary decided so.
        case decision
    }

    let code: Code
    let reason: String
    /// The redemption that was there first.
    var winner: CID?
    /// How many said no.
    var count = 0

    init(_ code: Code, _ reason: String, winner: CID? = nil, count: Int = 0) {
        self.code = code
        self.reason = reason
        self.winner = winner
        self.count = count
    }
}

extension Refusal {
    /// As the maker of the part is told.
    var error: DTAError {
        let code: ErrorCode =
            switch code {
            case .stranger: .permissionDenied
            case .mismatch: .dataLoss
            default: .failedPrecondition
            }
        return DTAError(code, reason, hint: winner.map { "the one that was first is \($0)" } ?? "")
    }
}
