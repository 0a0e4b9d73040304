import DTAFormats
import DTASystem

/// Why a part has no effect.
struct OrderDenial: Sendable, Hashable {
    /// Stable names, as refusals tell them.
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
        /// Whoever asked was replaced or revoked before he was answered.
        case replaced
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

    init(_ code: Code, _ reason: String, winner: CID? = nil) {
        self.code = code
        self.reason = reason
        self.winner = winner
    }
}

extension OrderDenial {
    /// As whoever made the part is told.
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
