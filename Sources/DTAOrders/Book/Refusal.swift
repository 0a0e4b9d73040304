import DTAFormats
import DTASystem

/// Why a part has no effect.
struct Refusal: Sendable, Hashable {
    typealias Code = OrderRefusal.Code

    let code: Code
    let reason: String
    /// The redemption that was first.
    var winner: CID?
    /// How many approvers said no.
    var count = 0

    init(_ code: Code, _ reason: String, winner: CID? = nil, count: Int = 0) {
        self.code = code
        self.reason = reason
        self.winner = winner
        self.count = count
    }
}

extension Refusal {
    /// The error that the maker of the part gets.
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
