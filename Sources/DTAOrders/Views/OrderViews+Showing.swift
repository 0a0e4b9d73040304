import CustodyProtocol
import DTACore
import DTAFormats
import DTAIdentities
import DTAPlugins
import DTASystem
import GRDB

/// One order, with all that the caller may know about it.
package struct ShownOrder: Sendable {
    package var order: OrderView
    /// The oldest first; the last 1,000, and all redemptions that may be decided about.
    package var parts: [OrderPartView]
    package var fields: [(String, String)]
}

extension OrderViews {
    /// How many refusals, and how many redemptions beside those that may be decided about, are opened to show their
    /// contents.
    private static let openedRedemptions = 16

    func show(_ caller: Caller, _ subject: String) throws -> CustodyStep<ShownOrder> {
        let found = try orders.find(caller, subject)
        // In one read: the order must not be shown with parts that came later.
        let (record, last, open) = try store.read { database in
            let record = try OrderTable.need(found.number, in: database)
            return (
                record, try OrderPartTable.all(of: record.number, in: database),
                try book.redemptions.all(record, KnownFacts(database: database), in: database)
            )
        }
        let earlier = open.filter { one in !last.contains { $0.number == one.number } }
        let isOpen = Set(open.map(\.number))
        let views = try (earlier + last).map { part in
            var view = try view(part)
            view.isOpen = isOpen.contains(part.number)
            return view
        }
        let order = try view(record, for: caller)
        return office.step { post in
            var shown = ShownOrder(order: order, parts: views, fields: [])
            if case .order(let part)? = try readable(caller, record.cid, post) {
                let secret = secretFields(of: part.kind)
                shown.order.fields = part.fields.shown.map { ($0, secret.contains($0) ? "(not shown)" : $1) }
            }
            if let cid = record.progress.commitment,
                case .commitment(let commitment)? = try readable(caller, cid, post)
            {
                shown.fields = commitment.fields.shown
                shown.fields.append(("proof", OrderFieldValue.bytes(commitment.proof).shown))
            }
            for index in opened(views) {
                switch try readable(caller, views[index].part.cid, post) {
                case .redemption(let asked)?:
                    shown.parts[index].purpose = asked.purpose ?? ""
                    shown.parts[index].fields = asked.request.abridged
                case .destruction(let receipt)?: shown.parts[index].fields = receipt.shown
                case .refusal(let refusal)?:
                    shown.parts[index].reason = refusal.reason
                    shown.parts[index].fields = refusal.shown
                default: break
                }
            }
            return shown
        }
    }

    /// The parts to open: redemptions that may be decided about, the last other redemptions and refusals, and receipts.
    private func opened(_ views: [OrderPartView]) -> [Int] {
        let accepted = views.indices.filter { views[$0].part.status == .accepted }
        let redemptions = accepted.filter { views[$0].part.kind == .redemption }
        return redemptions.filter { views[$0].isOpen }
            + redemptions.filter { !views[$0].isOpen }.suffix(OrderViews.openedRedemptions)
            + accepted.filter { views[$0].part.kind == .refusal }.suffix(OrderViews.openedRedemptions)
            + accepted.filter { views[$0].part.kind == .destruction }.suffix(2)
    }

    /// The fields that an order's plugin calls secret; none if the plugin is not known here.
    private func secretFields(of type: String) -> Set<String> {
        Set((try? plugins.plugin(type))?.fields.filter(\.isSecret).map(\.name) ?? [])
    }

    /// A part as one of the caller's identities reads it; nil if none is a recipient, or the part is damaged.
    private func readable(_ caller: Caller, _ cid: CID, _ post: PartPost) throws -> OrderPart? {
        guard let signed = try? office.envelopes.verified(cid), let kind = try? OrderPartKind(of: signed) else {
            return nil
        }
        let to = (try? signed.envelope.recipients(book.blocks.bytes)) ?? []
        let (identities, policy) = (lookup.identities, lookup.policy.current)
        let own = to.compactMap(identities.own).first { record in
            identities.identities.damage(record.cid) == nil
                && [.order, .approve, .fulfil].contains { policy.allows(caller, $0, record.resource) }
        }
        guard let own else { return nil }
        do {
            return try post.open(signed, kind, as: own).part
        } catch let error as DTAError where error.code == .dataLoss || error.code == .invalidArgument {
            return nil
        }
    }
}
