import DTABytes
import DTAFormats

/// A type of order: what can be ordered, and how it is kept. An order's `kind` names the plugin.
///
/// A hook of an external plugin may take as long as its time limit. So it is called in the plugin's own lane, never on
/// a worker and never while a dtad-hsm is held. It throws `DTAError`s about its order.
public protocol OrderPlugin: PartHooks {
    /// Its name in orders.
    var type: PluginType { get }
    /// One sentence for people.
    var summary: String { get }
    var keeps: PluginKeeper { get }
    /// The fields that an order must or may have.
    var fields: [PluginField] { get }

    /// Checks an order before the principal seals it, and before the fiduciary commits to it.
    /// - Throws: `DTAError` that names the fault.
    func validate(_ order: PluginOrder) throws

    /// Makes the commitment, once for each order.
    /// - Returns: if the plugin keeps the secret, the whole commitment; if the agent does, further fields of part 2, or
    ///   nil.
    func commit(_ order: PluginOrder) throws -> PluginCommitment?

    /// Judges a redemption: when it comes, and again each time before it is released.
    /// - Throws: `DTAError` with the reason for which it refuses. UNAVAILABLE is no refusal: it may be tried again.
    func prepare(_ order: PluginOrder, _ redemption: PluginRedemption) throws

    /// Gives the result. Called after `prepare`, only if the plugin keeps the secret. It must give the same for the
    /// same redemption.
    /// - Parameter state: what `commit` gave.
    func release(
        _ order: PluginOrder, _ redemption: PluginRedemption, state: SecretReference
    ) throws -> [String: OrderFieldValue]
}

/// The keeper of an order's secret.
public enum PluginKeeper: String, Sendable, CaseIterable {
    /// The seed is made, sealed and released by dtad-hsm; the plugin judges.
    case agent
    /// The plugin makes the secret and gives it out. dtad-hsm checks nothing of it.
    case plugin
}

/// A plugin's name, which is an order's `kind`.
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
