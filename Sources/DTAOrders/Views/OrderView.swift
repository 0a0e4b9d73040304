import DTAFormats
import DTASystem

/// An order as people and programs are shown it.
package struct OrderView: Sendable {
    package let cid: CID
    /// What people type.
    package let reference: String
    package let type: String
    package let state: OrderState
    package let terms: OrderTerms
    /// How many uses were released.
    package let uses: Int
    /// Approvals of the open redemption that are known here; of several the most that one of them has.
    package let approved: Int
    /// What is to be done next; nil where it is over.
    package let next: NextStep?
    /// What the caller's identities are in it.
    package let roles: [String]
    /// Whether the caller may know its terms. Who only brings parts may not.
    package let isOpen: Bool
    /// What the plugin was asked for; empty where part 1 was not read.
    package var fields: [(String, String)] = []
    /// Public: a key or a receipt. Empty before part 2.
    package let commitment: [UInt8]
    package let proof: [UInt8]
    /// Why it is frozen or refused, or does not go on by itself.
    package let reason: String
    /// Unix seconds: by the principal's clock, and of the last change here.
    package let created: Int64
    package let updated: Int64
}

/// A part as it is shown.
package struct OrderPartView: Sendable {
    package let part: StoredOrderPart
    package let to: [CID]
    /// The sender's when it came; "" where that is not known.
    package let standing: String
    /// Where it is to be carried.
    package let urls: [String]
    /// What its sender wrote for people; "" where that was not read.
    package var purpose = ""
    /// What a redemption asks for, or a receipt says; empty where that was not read.
    package var fields: [(String, String)] = []
    /// Why it was refused, or what a refusal says; "" where that was not read.
    package var reason: String
    /// Whether it is a redemption that may be decided about.
    package var isOpen = false
}

/// What an act on an order answers.
package struct OrderAnswer: Sendable {
    package let order: OrderView
    /// Those that are to be carried to others.
    package let parts: [OrderPartView]
    /// What is to be told beside.
    package var fields: [(String, String)] = []
}
