import DTACore
import DTAFormats
import DTASystem
import GRDB

/// What is known of an order.
extension OrderBook {
    func order(_ number: Int64) throws -> OrderRecord { try store.read { try OrderTable.need(number, in: $0) } }

    /// The last accepted part of a kind; nil: there is none.
    /// - Parameter use: nil: of any use.
    func last(_ kind: OrderPartKind, of record: OrderRecord, use: Int? = nil) throws -> StoredOrderPart? {
        try store.read { try OrderPartTable.last(kind, of: record.number, use: use, in: $0) }
    }

    /// The parts made here that answer a part, under the signature with which it came first.
    func answers(to part: OpenedPart, in number: Int64) throws -> [CID] {
        let first = try store.read { try OrderPartTable.find(innerHash: part.signed.innerHash, in: $0) }
        guard let first, first.order == number else { return try answers(to: part.cid) }
        return try answers(to: first.cid)
    }

    /// The parts made here that answer a part.
    func answers(to cid: CID) throws -> [CID] {
        try store.read { database in
            try OrderPartTable.answers(to: cid, in: database)
                .filter { lookup.identities.own($0.from) != nil }.map(\.cid)
        }
    }

    /// Whether a part has a row, accepted or refused.
    func isOnRecord(_ part: OpenedPart) throws -> Bool {
        try store.read { try OrderPartTable.find(innerHash: part.signed.innerHash, in: $0) } != nil
    }

    /// Whether the verdict on a part is final: it was accepted, or refused with a signature.
    func isJudged(_ part: OpenedPart) throws -> Bool {
        try store.read { database in
            guard let known = try OrderPartTable.find(innerHash: part.signed.innerHash, in: database) else {
                return false
            }
            guard known.status == .refused else { return true }
            return try OrderPartTable.answers(to: known.cid, in: database).contains { $0.kind == .refusal }
        }
    }

    /// The approvals of a redemption that are here and have not expired.
    func approvals(of redemption: CID) throws -> [SignedApproval] {
        let parts = try store.read { try OrderPartTable.approvals(of: redemption, at: clock.now, in: $0) }
        return try parts.compactMap { part in
            try part.approval.map { block in
                try explaining("an approval that is stored is damaged") { try SignedApproval(block) }
            }
        }
    }

    /// What an approver said about a redemption; nil: nothing, or it has expired.
    func word(of approver: CID, on redemption: CID) throws -> StoredOrderPart? {
        try store.read { database in
            try OrderPartTable.approvals(of: redemption, at: clock.now, in: database).first { $0.from == approver }
        }
    }
}
