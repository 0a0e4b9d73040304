import AgentProtocol
import DTAFormats
import DTASystem
import FoundationEssentials

/// Opens a body in blocks: decrypts each here while the agent reads and hashes the next ones.
struct BodyOpener {
    let client: BlockingAgentClient
    /// Nil if the envelope is public.
    private let cipher: ChunkCipher?
    private let plan: ChunkPlan
    private let links: [CID]

    private static let depth = 4

    /// - Parameter answer: of ENVELOPE_OPEN: for an envelope that the agent has verified.
    init(client: BlockingAgentClient, _ answer: inout AgentResponse) throws {
        self.client = client
        let cid = try CID(answer.cid)
        func block(_ cid: CID) throws -> [UInt8] { [UInt8](try client.call(.getBlock(cid.description)).data) }
        let envelope = try SignedEnvelope(block: block(cid), named: cid).envelope
        guard let chunks = envelope.chunks, UInt64(chunks.plan.size) == answer.size,
            envelope.isPublic == answer.key.isEmpty
        else {
            throw Failure.failed(.dataLoss, "the agent's answer does not fit the envelope \(cid)")
        }
        cipher = try envelope.isPublic ? nil : ChunkCipher(key: answer.takeKey())
        plan = chunks.plan
        links = try chunks.links(block)
    }

    /// Whether an answer's body is in blocks.
    static func isNeeded(for answer: AgentResponse) -> Bool { !answer.chunks.isEmpty }

    /// Gives the body's plaintext in order, piece by piece, each verified.
    func open(showsProgress: Bool, _ write: (Data) throws -> Void) throws {
        var progress = ProgressBar(total: UInt64(plan.size), isShown: showsProgress)
        defer { progress.end() }
        Allocator.keepLargeBuffers()
        var written = 0
        while written < links.count {
            let before = written
            do {
                try read(from: written) { piece in
                    try write(piece)
                    written += 1
                    progress.advance(by: piece.count)
                }
            } catch let error as DTAError where error.code == .unavailable && written > before {
                // The reader of the output was slower than the agent waits: ask it again for the rest.
            }
        }
    }

    private func read(from first: Int, _ take: (Data) throws -> Void) throws {
        var asked = first
        var index = first
        try client.pipeline(depth: BodyOpener.depth) {
            guard asked < links.count else { return nil }
            defer { asked += 1 }
            return .getBlock(links[asked].description)
        } answered: { answer in
            try take(content(answer.data, index))
            index += 1
        }
    }

    private func content(_ block: Data, _ index: Int) throws -> Data {
        // A sealed chunk is authenticated by itself; a public one only by its name.
        if let cipher { return try cipher.openBlock(block, index: index, of: plan) }
        guard links[index].names(block), block.count == plan.blockSize(index) else {
            throw Failure.failed(.dataLoss, "block \(index) of the body is not the one that the envelope names")
        }
        return block
    }
}
