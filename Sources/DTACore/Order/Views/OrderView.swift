import DTAFormats
import DTASystem

/// An order as people and programs are shown it.
public struct OrderView: Sendable {
    public let cid: CID
    /// What people type.
    public let reference: String
    public let type: String
    public let state: OrderState
    public let terms: OrderTerms
    /// How many uses were released.
    public let uses: Int
    /// Approvals of the open redemption that are known here; of several the most that one of them has.
    public let approved: Int
    /// What is to be done next, and by whom; "" where nothing is.
    public let next: String
    /// What the caller's identities are in it.
    public let roles: [String]
    /// Whether the caller may know its terms. Who only brings parts may not.
    public let isOpen: Bool
    /// What the plugin was asked for; empty where part 1 was not read.
    public var fields: [(String, String)] = []
    /// Public: a key or a receipt. Empty before part 2.
    public let commitment: [UInt8]
    public let proof: [UInt8]
    /// Why it is frozen or refused, or does not go on by itself.
    public let reason: String
    /// Unix seconds: by the principal's clock, and of the last change here.
    public let created: Int64
    public let updated: Int64
}

/// A part as it is shown.
public struct OrderPartView: Sendable {
    public let part: StoredOrderPart
    public let to: [CID]
    /// The sender's when it came; "" where that is not known.
    public let standing: String
    /// Where it is to be carried.
    public let urls: [String]
    /// What its sender wrote for people; "" where that was not read.
    public var purpose = ""
    /// What a redemption asks for, or a receipt says; empty where that was not read.
    public var fields: [(String, String)] = []
    /// Why it was refused, or what a refusal says; "" where that was not read.
    public var reason: String
    /// Whether it is a redemption that may be decided about.
    public var isOpen = false
}

/// What an act on an order answers.
public struct OrderAnswer: Sendable {
    public let order: OrderView
    /// Those that are to be carried to others.
    public let parts: [OrderPartView]
    /// What is to be told beside.
    public var fields: [(String, String)] = []
}
