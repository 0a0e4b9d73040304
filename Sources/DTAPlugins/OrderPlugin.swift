import DTAFormats

/// One custodian's own way: what is ordered, and how it is kept. An order's `kind` names the plugin.
///
/// A hook may take as long as the plugin's time limit where the plugin is external. So it is called where nobody waits
/// but those who want the same plugin, never on a worker and never while a dtad-hsm is held. What a hook throws is a
/// `DTAError` and concerns that order alone.
public protocol OrderPlugin: PartHooks {
    /// What orders call it.
    var type: PluginType { get }
    /// One sentence for people.
    var summary: String { get }
    var keeps: PluginKeeper { get }
    /// What an order of it must or may say.
    var fields: [PluginField] { get }

    /// Whether an order can be what it is: before the principal seals it, and before the fiduciary commits to it.
    /// - Throws: `DTAError` that says what is wrong with it.
    func validate(_ order: PluginOrder) throws

    /// Makes the commitment, once for each order.
    /// - Returns: where the plugin keeps the secret, all of it; where the agent does, what it adds to the fields of
    ///   part 2, or nil.
    func commit(_ order: PluginOrder) throws -> PluginCommitment?

    /// Judges a redemption: when it comes, and again each time before it is released.
    /// - Throws: `DTAError` with the reason for which it refuses. UNAVAILABLE is no refusal: it may be tried again.
    func prepare(_ order: PluginOrder, _ redemption: PluginRedemption) throws

    /// Gives the result. Called only where the plugin keeps the secret, and after `prepare`. It must give the same for
    /// the same redemption.
    /// - Parameter state: what `commit` gave.
    func release(_ order: PluginOrder, _ redemption: PluginRedemption, state: [UInt8]) throws -> [String:
        OrderFieldValue]
}

/// What keeps the secret of an order.
public enum PluginKeeper: String, Sendable, CaseIterable {
    /// The seed is made, sealed and released by dtad-hsm; the plugin judges.
    case agent
    /// The plugin makes the secret and gives it out. dtad-hsm checks nothing of it.
    case plugin
}

/// A plugin's name: what an order's `kind` says.
public struct PluginType: Hashable, Sendable, Comparable, CustomStringConvertible {
    public let name: String

    /// - Returns: nil unless it is 1 to 32 of a-z, 0-9 and -, the first a letter, the last no -.
    public init?(_ name: String) {
        let letters = Array(name.utf8)
        guard (1...32).contains(letters.count), let first = letters.first, let last = letters.last,
            (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(first), last != UInt8(ascii: "-"),
            letters.allSatisfy({
                (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0)
                    || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) || $0 == UInt8(ascii: "-")
            })
        else { return nil }
        self.name = name
    }

    public var description: String { name }

    public static func < (one: PluginType, other: PluginType) -> Bool { one.name < other.name }
}
