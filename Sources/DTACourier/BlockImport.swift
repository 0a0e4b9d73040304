import AgentProtocol
import DTAFormats
import DTASystem

/// Puts the blocks of an archive into an agent's ledger, a few in flight: blocks are made durable together.
public struct BlockImport {
    /// A block that the ledger refused.
    public struct Refusal: Sendable {
        public let cid: CID
        public let error: DTAError
    }

    private static let depth = 8

    /// How many were stored, or were there already. It counts while it runs, so that a caller that catches an error can
    /// report it.
    public private(set) var stored = 0
    public private(set) var refused: [Refusal] = []

    public init() {}

    /// - Parameters:
    ///   - entries: as `ImportOrder` orders them.
    ///   - progress: told of each entry that was answered.
    /// - Throws: errors that are not about one block; `dataLoss` if the agent answers another CID for a block; what
    ///   `bytes` throws.
    public mutating func put<Entry: ArchiveEntry>(
        _ entries: [Entry], to client: BlockingAgentClient, bytes: (Entry) throws -> [UInt8],
        progress: (Entry) -> Void = { _ in }
    ) throws {
        var asked = 0
        // Documents come before the blocks that are judged by them, so each kind is stored before the next one is sent.
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

    /// The error of one block; nil if it is stored.
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
    /// Whether other requests may succeed although this one was refused.
    var concernsRequestAlone: Bool {
        switch code {
        case .invalidArgument, .failedPrecondition, .dataLoss, .notFound: true
        case .permissionDenied, .unavailable, .resourceExhausted, .internal: false
        }
    }
}
