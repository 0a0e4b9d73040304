import DTACore
import DTAFormats
import DTAIdentities
import DTALedger
import DTASystem

extension EnvelopeService {
    /// The envelopes of a thread on this host, by their senders' clocks. Every user may see them, like every block.
    /// - Parameter subject: the CID of one of them.
    package func thread(
        of subject: String, count: UInt32, cursor: String
    ) throws -> Page<(envelope: ReceivedEnvelope, trust: Trust)> {
        let size = try PageSize.of(count)
        let cid = try LedgerService.cid(subject)
        // An envelope without a row was not signed by its sender: `verified` throws the reason.
        let thread = try received.find(cid)?.thread ?? verified(cid).envelope.header.thread
        let place = ReceivedEnvelopes.Cursor(cursor)
        guard cursor.isEmpty || place != nil else {
            throw DTAError(.invalidArgument, "\(quoted(cursor)) is no cursor of a thread")
        }
        let (found, last) = try received.thread(thread, count: size, after: place)
        let trust = try identities.trust(Set(found.map(\.from)))
        let items = try found.map { (try judged($0), trust[$0.from] ?? .untrusted) }
        return Page(items: items, cursor: last?.text ?? "")
    }

    /// The same, with the sender's standing if it can be judged by now.
    private func judged(_ envelope: ReceivedEnvelope) throws -> ReceivedEnvelope {
        guard envelope.standing == nil, let signed = try? verified(envelope.cid) else { return envelope }
        _ = try standingAtReceipt(signed)
        return try received.find(envelope.cid) ?? envelope
    }
}
