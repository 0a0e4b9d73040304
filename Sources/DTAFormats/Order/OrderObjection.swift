/// Why a redemption is not released now: a code for programs and a sentence for people.
public struct OrderObjection: Error, Sendable, Hashable, CustomStringConvertible {
    public enum Code: String, Sendable, CaseIterable {
        /// The part is of another order, thread or terms, or is no redemption.
        case wrongOrder = "wrong-order"
        /// A signature does not fit, or the predecessor did not agree to a document's claim.
        case forged
        /// A document is missing.
        case unknownParty = "unknown-party"
        /// It is not for this fiduciary.
        case wrongFiduciary = "wrong-fiduciary"
        /// Its sender may not redeem.
        case notRedeemer = "not-redeemer"
        /// Its sender, or the recipient of the result, is rotated, revoked or in conflict.
        case notCurrent = "not-current"
        case notYet = "not-yet"
        case tooLate = "too-late"
        case approvalsMissing = "approvals-missing"

        /// Whether the same part could be granted at another time, or with more approvals or documents.
        public var mayPass: Bool {
            switch self {
            case .unknownParty, .notCurrent, .notYet, .approvalsMissing: true
            case .wrongOrder, .forged, .wrongFiduciary, .notRedeemer, .tooLate: false
            }
        }
    }

    public let code: Code
    public let reason: String

    public init(_ code: Code, _ reason: String) {
        self.code = code
        self.reason = reason
    }

    public var description: String { reason }
}
