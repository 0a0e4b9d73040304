import DTAFormats
import DTASystem

/// An order as people and programs see it.
package struct OrderView: Sendable {
    package let cid: CID
    /// What people type.
    package let reference: String
    package let type: String
    package let state: OrderState
    package let terms: OrderTerms
    /// How many uses were released.
    package let uses: Int
    /// Approvals of the open redemption that are known here; if several are open, the highest count.
    package let approved: Int
    /// The next step; nil if the order is over.
    package let next: NextStep?
    /// The roles of the caller's identities.
    package let roles: [String]
    /// Whether the caller may know its terms. A courier may not.
    package let isOpen: Bool
    /// The fields of the order; empty if part 1 was not read.
    package var fields: [(String, String)] = []
    /// Public: a key or a receipt. Empty before part 2.
    package let commitment: [UInt8]
    package let proof: [UInt8]
    /// Why it is frozen or refused, or does not continue automatically.
    package let reason: String
    /// Unix seconds: by the principal's clock, and of the last change here.
    package let created: Int64
    package let updated: Int64
}

/// A part as it is shown.
package struct OrderPartView: Sendable {
    package let part: StoredOrderPart
    package let to: [CID]
    /// The sender's standing when it came; "" if that is not known.
    package let standing: String
    /// Where it must be carried.
    package let urls: [String]
    /// What its sender wrote for people; "" if that was not read.
    package var purpose = ""
    /// What a redemption asks for, or a receipt says; empty if that was not read.
    package var fields: [(String, String)] = []
    /// Why it was refused, or what a refusal says; "" if that was not read.
    package var reason: String
    /// Whether it is a redemption that may be decided about.
    package var isOpen = false
}

/// The answer to an act on an order.
package struct OrderAnswer: Sendable {
    package let order: OrderView
    /// The parts to carry to others.
    package let parts: [OrderPartView]
    /// What else to tell the caller.
    package var fields: [(String, String)] = []
}
