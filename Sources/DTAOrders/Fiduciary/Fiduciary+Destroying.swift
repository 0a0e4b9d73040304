import CustodyProtocol
import DTACore
import DTAFormats
import DTASystem

/// Ends an order by request.
extension Fiduciary {
    /// Destroys an order's secret, because a user who acts for the fiduciary asks for it.
    func destroy(_ caller: Caller, _ subject: String) throws -> CustodyStep<OrderAnswer> {
        let record = try orders.find(caller, subject)
        _ = try lookup.acting(caller, .fulfil, among: [record.terms.fiduciary], of: record, as: nil, what: "destroy")
        try record.requireCompared()
        // In this phase the IPFS node may be asked for blocks that ledger gc dropped: the receipt answers this one.
        if record.state != .destroyed { _ = try envelopes.verified(record.progress.commitment ?? record.cid) }
        return office.step { post in
            let record = try book.order(record.number)
            var receipt: CID?
            if record.state == .destroyed {
                try destroyer.clearLeftover(record.number, post)
                receipt = try book.last(.destruction, of: record)?.cid
            } else {
                try record.requireCompared()
                receipt = try destroyer.destroy(record, post)
            }
            var answer = try views.answer(caller, record.number, receipt.map { [$0] } ?? [])
            if let receipt, case .destruction(let said)? = try? post.part(receipt).part {
                answer.fields = said.shown
            }
            return answer
        }
    }
}
