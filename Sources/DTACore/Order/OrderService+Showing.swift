import CustodyProtocol
import DTAFormats
import DTASystem
import GRDB

/// One order, with all that the caller may know of it.
extension OrderService {
    public struct Shown: Sendable {
        public var order: OrderView
        /// The oldest first; the last 1,000.
        public var parts: [OrderPartView]
        public var fields: [(String, String)]
    }

    /// How many redemptions are opened to show what they are for.
    private static let openedRedemptions = 16

    public func show(_ caller: Caller, _ subject: String) throws -> CustodyStep<Shown> {
        let record = try find(caller, subject)
        let parts = try store.read { try OrderPartTable.all(of: record.number, in: $0) }
        let views = try parts.map(view)
        let order = try view(record, for: caller)
        return { [self] custodian in
            var shown = Shown(order: order, parts: views, fields: [])
            if let first = try readable(caller, record.cid, custodian), case .order(let part) = first {
                let secret = secretFields(of: part.kind)
                shown.order.fields = part.fields.values.sorted { $0.key < $1.key }.map {
                    ($0.key, secret.contains($0.key) ? "(not shown)" : DTACore.shown($0.value))
                }
            }
            if let cid = record.progress.commitment, let second = try readable(caller, cid, custodian),
                case .commitment(let commitment) = second
            {
                shown.fields = commitment.fields.values.sorted { $0.key < $1.key }.map {
                    ($0.key, DTACore.shown($0.value))
                }
                shown.fields.append(("proof", DTACore.shown(.bytes(commitment.proof))))
            }
            let redemptions = views.indices.filter {
                views[$0].part.kind == .redemption && views[$0].part.status == .accepted
            }
            for index in redemptions.suffix(OrderService.openedRedemptions) {
                if let part = try readable(caller, views[index].part.cid, custodian), case .redemption(let asked) = part
                {
                    shown.parts[index].purpose = asked.purpose ?? ""
                    if let data = asked.request["digest"] ?? asked.request["message"],
                        asked.use == record.progress.uses + 1
                    {
                        shown.fields.append(("request", DTACore.shown(data)))
                    }
                }
            }
            return shown
        }
    }

    /// The fields that an order's plugin calls secret; none where it is not known here.
    private func secretFields(of type: String) -> Set<String> {
        Set((try? plugins.plugin(type))?.fields.filter(\.isSecret).map(\.name) ?? [])
    }

    /// A part as one of the caller's identities reads it; nil where none is a recipient, or it is damaged.
    private func readable(_ caller: Caller, _ cid: CID, _ custodian: any Custodian) throws -> OrderPart? {
        guard let signed = try? envelopes.verified(cid), let kind = try? OrderService.kind(of: signed) else {
            return nil
        }
        let to = (try? signed.envelope.recipients(blocks.bytes)) ?? []
        let policy = policy.current
        let own = to.compactMap(identities.own).first { record in
            identities.identities.damage(record.cid) == nil
                && [.order, .approve, .fulfil].contains { policy.allows(caller, $0, record.resource) }
        }
        guard let own else { return nil }
        do {
            return try letter(signed, kind, standing: Standing.current.name, as: own, custodian).part
        } catch let error as DTAError where error.code == .dataLoss || error.code == .invalidArgument {
            return nil
        }
    }
}
