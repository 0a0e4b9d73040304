import DTACore
import DTAFormats
import DTASystem
import Foundation
import GRDB

/// An order, as this host knows it.
struct OrderRecord: Sendable {
    /// The number of its row.
    let number: Int64
    /// The CID of part 1: the order's name.
    var cid: CID { progress.order }
    let reference: OrderReference
    /// The plugin's name.
    let kind: String
    let terms: OrderTerms
    var progress: OrderProgress
    /// Why it is refused or frozen; "" if it is neither.
    var reason: String
    /// From part 2; empty before it.
    var publicKey: [UInt8]
    var proof: [UInt8]
    /// Unix seconds: by the principal's clock, and of the last change here.
    let created: Int64
    var updated: Int64
    /// When the backup was made, in Unix seconds, from which the order came, or which may have had it; nil if there is
    /// none, or a person has compared the order with the others' copies.
    let restored: Int64?
    /// When the destruction of its secret was decided, in Unix seconds, if that is not finished.
    let destroying: Int64?

    var state: OrderState { progress.state }

    init(_ row: Row) throws {
        func cid(_ column: String) throws -> CID? { try (row[column] as Data?).map { try CID(row: $0) } }
        let order = try explaining("the table of orders is damaged") { try Order([UInt8](row["terms"] as Data)) }
        number = row["number"]
        reference = try explaining("the table of orders is damaged") {
            try OrderReference(thread: [UInt8](row["thread"] as Data))
        }
        kind = order.kind
        terms = order.terms
        progress = OrderProgress(order: try CID(row: row["cid"]), maxUses: order.terms.maxUses)
        progress.state = OrderState(rawValue: row["state"]) ?? .frozen
        progress.uses = try row.whole("uses")
        guard (0...terms.maxUses).contains(progress.uses) else {
            throw DTAError(.dataLoss, "the table of orders is damaged: an order has \(progress.uses) uses")
        }
        progress.commitment = try cid("commitment")
        progress.head = try cid("head")
        progress.open = try cid("open")
        progress.deposit = try cid("deposit")
        reason = row["reason"]
        publicKey = (row["public"] as Data?).map { [UInt8]($0) } ?? []
        proof = (row["proof"] as Data?).map { [UInt8]($0) } ?? []
        created = row["created"]
        updated = row["updated"]
        restored = row["restored"]
        destroying = row["destroying"]
    }
}

/// The roles of an identity in an order; the numbers are bits of the database's `roles`.
package struct OrderRoles: OptionSet, Sendable {
    package let rawValue: Int

    package init(rawValue: Int) { self.rawValue = rawValue }

    package static let principal = OrderRoles(rawValue: 1)
    package static let fiduciary = OrderRoles(rawValue: 2)
    package static let beneficiary = OrderRoles(rawValue: 4)
    package static let redeemer = OrderRoles(rawValue: 8)
    package static let approver = OrderRoles(rawValue: 16)
    package static let recipient = OrderRoles(rawValue: 32)

    private static let names: [(OrderRoles, OrderRole)] = [
        (.principal, .principal), (.fiduciary, .fiduciary), (.beneficiary, .beneficiary), (.redeemer, .redeemer),
        (.approver, .approver), (.recipient, .recipient),
    ]

    /// The names that clients see.
    package var names: [String] { OrderRoles.names.filter { contains($0.0) }.map(\.1.rawValue) }

    init?(name: String) {
        guard let found = OrderRoles.names.first(where: { $0.1.rawValue == name }) else { return nil }
        self = found.0
    }

    /// The roles that the terms give one identity.
    init(of cid: CID, in terms: OrderTerms) {
        self = []
        if terms.principal == cid { insert(.principal) }
        if terms.fiduciary == cid { insert(.fiduciary) }
        if terms.beneficiary == cid { insert(.beneficiary) }
        if terms.recipient == cid { insert(.recipient) }
        if terms.redeemers.contains(cid) { insert(.redeemer) }
        if terms.approvers.contains(cid) { insert(.approver) }
    }
}
