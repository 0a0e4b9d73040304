import AgentProtocol
import DTAFormats
import DTASystem

/// Puts the blocks of an archive into an agent's ledger, a few in flight: blocks are made durable together.
public struct BlockImport {
    /// A block that the ledger would not have.
    public struct Refusal: Sendable {
        public let cid: CID
        public let error: DTAError
    }

    private static let depth = 8

    /// How many were stored, or were there already. Counts on while it runs, so that a caller that catches an error can
    /// tell.
    public private(set) var stored = 0
    public private(set) var refused: [Refusal] = []

    public init() {}

    /// - Parameters:
    ///   - entries: as `ImportOrder` orders them.
    ///   - progress: told of each entry that was answered.
    /// - Throws: what is no fault of one block and would stand in the way of the next too; `dataLoss` if the agent
    ///   names a block otherwise than it is; what `bytes` throws.
    public mutating func put<Entry: ArchiveEntry>(
        _ entries: [Entry], to client: BlockingAgentClient, bytes: (Entry) throws -> [UInt8],
        progress: (Entry) -> Void = { _ in }
    ) throws {
        var asked = 0
        // What judges comes before what is judged, so each kind is stored before the next one is sent.
        for kind in [DocumentKind.identity, .revocation, .block, .envelope] {
            let end = entries[asked...].firstIndex { $0.kind != kind } ?? entries.count
            var answered = asked
            try client.pipeline(depth: kind == .envelope ? 1 : BlockImport.depth, takesRefusals: true) {
                guard asked < end else { return nil }
                defer { asked += 1 }
                let entry = entries[asked]
                let type = entry.cid.codec == .raw ? "raw" : "dag-cbor"
                return .putBlock(try bytes(entry), contentType: "application/vnd.ipld.\(type)")
            } answered: { answer in
                let entry = entries[answered]
                if let refusal = try BlockImport.refusal(answer, of: entry.cid) {
                    refused.append(refusal)
                } else {
                    stored += 1
                }
                answered += 1
                progress(entry)
            }
        }
    }

    /// What was wrong with one block; nil if it is stored.
    private static func refusal(_ answer: AgentResponse, of cid: CID) throws -> Refusal? {
        if let error = answer.error {
            guard error.concernsRequestAlone else { throw error }
            return Refusal(cid: cid, error: error)
        }
        guard answer.cid == cid.description else {
            throw DTAError(.dataLoss, "the agent stored \(cid) under another name: \(answer.cid)")
        }
        return nil
    }
}

extension DTAError {
    /// Whether another request may well be done though this one was refused.
    var concernsRequestAlone: Bool {
        switch code {
        case .invalidArgument, .failedPrecondition, .dataLoss, .notFound: true
        case .permissionDenied, .unavailable, .resourceExhausted, .internal: false
        }
    }
}
