import DTAConfiguration
import DTACore
import DTAFormats
import DTAIdentities
import DTASystem

/// Which orders this host accepts as a fiduciary, and what it does with them automatically.
package struct OrderRules: Sendable {
    struct Rule: Sendable {
        let from: [Glob]
        let fromAnybody: Bool
        let types: Set<String>
        let commitsByItself: Bool
        let releasesByItself: Bool
        let line: Int

        init(_ rule: Configuration.Orders.Rule) throws {
            line = rule.line
            do {
                from = try rule.from.map(Glob.init)
            } catch let error as DTAError {
                throw DTAError(error.code, "orders.accept, line \(line): \(error.message)", hint: error.hint)
            }
            fromAnybody = rule.fromAnybody
            types = Set(rule.types)
            commitsByItself = rule.commit == .auto
            releasesByItself = rule.release == .auto
        }

        fileprivate func fits(_ kind: String, _ principal: KnownIdentity) -> Bool {
            guard types.isEmpty || types.contains(kind) else { return false }
            if fromAnybody { return principal.trust != .distrusted }
            guard principal.trust == .trusted else { return false }
            guard !from.isEmpty else { return true }
            let name = principal.isOwn ? principal.name : principal.alias ?? ""
            return from.contains { $0.matches(name) }
        }
    }

    let accept: [Rule]
    let resealWithin: Int64
    let ordersPerUser: Int

    package init(_ orders: Configuration.Orders) throws {
        accept = try orders.accept.map(Rule.init)
        resealWithin = Int64(orders.resealWithinSeconds)
        ordersPerUser = orders.ordersPerUser
    }

    /// The rule for an order; nil if none accepts it.
    /// - Parameter principal: what this host knows of the principal.
    func rule(for kind: String, from principal: KnownIdentity) -> Rule? {
        accept.first { $0.fits(kind, principal) }
    }
}
