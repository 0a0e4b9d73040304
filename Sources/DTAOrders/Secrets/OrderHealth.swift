import CustodyProtocol
import DTASystem

/// What was found about orders' secrets and keys on the token. It is kept until the next start, and not in the
/// database.
final class OrderHealth: Sendable {
    /// Why secrets cannot be used; by the orders' rows.
    private let damages = Locked<[Int64: String]>([:])
    /// The rows of orders with keys that an earlier release sealed by their ids alone.
    private let unbound = Locked<Set<Int64>>([])
    /// Keys of orders on the token that the database does not name.
    private let strangers = Locked<Set<ObjectID>>([])

    func damage(of order: Int64) -> String? { damages.withLock { $0[order] } }

    func isUnbound(_ order: Int64) -> Bool { unbound.withLock { $0.contains(order) } }

    func isStranger(_ key: ObjectID) -> Bool { strangers.withLock { $0.contains(key) } }

    /// - Returns: why it was unusable before; nil: it was usable.
    func note(damage: String, of order: Int64) -> String? {
        damages.withLock { $0.updateValue(damage, forKey: order) }
    }

    /// Stores all findings of a comparison with the token.
    func replace(damages: [Int64: String], unbound: Set<Int64>, strangers: Set<ObjectID>) {
        self.damages.withLock { $0 = damages }
        self.unbound.withLock { $0 = unbound }
        self.strangers.withLock { $0 = strangers }
    }
}
