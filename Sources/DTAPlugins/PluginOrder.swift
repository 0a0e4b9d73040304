import DTABytes
import DTAFormats

/// An order as a plugin sees it.
public struct PluginOrder: Sendable, Equatable {
    /// The CID of part 1, the order's name. Nil while the principal has not sealed it yet.
    public var cid: CID?
    /// The reference. "" while there is none.
    public var reference: String
    public var kind: PluginType
    public var terms: OrderTerms
    public var fields: [String: OrderFieldValue]
    /// The key or receipt of part 2. Nil before it.
    public var commitment: [UInt8]?

    public init(
        cid: CID?, reference: String, kind: PluginType, terms: OrderTerms, fields: [String: OrderFieldValue],
        commitment: [UInt8]? = nil
    ) {
        self.cid = cid
        self.reference = reference
        self.kind = kind
        self.terms = terms
        self.fields = fields
        self.commitment = commitment
    }
}

/// A request for a release, or for one use of the key, as a plugin sees it.
public struct PluginRedemption: Sendable, Equatable {
    /// Of part 3.
    public var cid: CID
    /// From 1.
    public var use: Int
    public var redeemer: CID
    /// The redeemer's words for people.
    public var purpose: String?
    public var request: [String: OrderFieldValue]

    public init(
        cid: CID, use: Int, redeemer: CID, purpose: String? = nil, request: [String: OrderFieldValue] = [:]
    ) {
        self.cid = cid
        self.use = use
        self.redeemer = redeemer
        self.purpose = purpose
        self.request = request
    }
}

/// A plugin's content for part 2.
public struct PluginCommitment: Sendable, Equatable {
    /// A key, a hash or a receipt for all parties of the order. 1 to 1024 bytes; empty if the agent keeps the secret,
    /// because dtad-hsm then makes the commitment.
    public var commitment: [UInt8]
    /// Its proof; up to 1024 bytes.
    public var proof: [UInt8]
    /// Further fields of part 2.
    public var fields: [String: OrderFieldValue]
    /// The plugin's own, up to 64 KiB. The agent stores it sealed and gives it back at each release.
    public var state: SecretReference

    public init(
        commitment: [UInt8] = [], proof: [UInt8] = [], fields: [String: OrderFieldValue] = [:],
        state: SecretReference = SecretReference(copying: [])
    ) {
        self.commitment = commitment
        self.proof = proof
        self.fields = fields
        self.state = state
    }
}

/// A field that an order must or may have.
public struct PluginField: Sendable, Equatable {
    public enum Kind: String, Sendable, CaseIterable { case text, bytes, integer }

    /// 1 to 32 of a-z, 0-9, - and _.
    public var name: String
    public var kind: Kind
    public var isRequired: Bool
    /// Its value is not shown to people.
    public var isSecret: Bool
    /// Its explanation, in a few words.
    public var explanation: String

    public init(_ name: String, _ kind: Kind, required: Bool = true, secret: Bool = false, _ explanation: String) {
        self.name = name
        self.kind = kind
        self.isRequired = required
        isSecret = secret
        self.explanation = explanation
    }
}
