import CustodyProtocol
import DTACore
import DTAFormats
import DTASystem

/// The end of an order by hand.
extension Fiduciary {
    /// Destroys an order's secret, because somebody at the fiduciary says so.
    func destroy(_ caller: Caller, _ subject: String) throws -> CustodyStep<OrderAnswer> {
        let record = try orders.find(caller, subject)
        _ = try lookup.acting(caller, .fulfil, among: [record.terms.fiduciary], of: record, as: nil, what: "destroy")
        try record.requireCompared()
        // Here, where what ledger gc dropped is brought from the IPFS node: the receipt answers it.
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
