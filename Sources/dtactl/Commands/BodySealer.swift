import AgentProtocol
import DTAFormats
import DTASystem
import FoundationEssentials

/// Seals a body of any size: encrypts it here, block by block, while the agent hashes and writes the earlier blocks.
struct BodySealer {
    let client: BlockingAgentClient
    let address: AgentRequest.EnvelopeAddress
    let showsProgress: Bool

    /// How many blocks are in flight.
    private static let depth = 4

    /// - Parameter beginning: the first block of the body, which was read already.
    /// - Returns: the envelope's CID.
    func seal(_ input: InputFile, after beginning: Data) throws -> String {
        Allocator.keepLargeBuffers()
        let interruption = try Interruption()
        var answer = try client.call(.draftEnvelope(address), timeout: .seconds(120))
        let draft = answer.cursor
        let abandon = { @Sendable [socketPath = client.socketPath] in
            // Best effort: the agent drops it by itself after an hour.
            _ = try? BlockingAgentClient(socketPath: socketPath)
                .call(.abandonEnvelope(draft: draft), timeout: .seconds(5))
        }
        interruption.undo(abandon)
        do {
            let cipher = try answer.key.isEmpty ? nil : ChunkCipher(key: answer.takeKey())
            let blocks = try send(input, after: beginning, draft, cipher)
            let cid = try client.call(.finishEnvelope(draft: draft, blocks: blocks), timeout: .seconds(600)).cid
            interruption.undo(nil)
            return cid
        } catch {
            abandon()
            throw error
        }
    }

    /// - Returns: how many blocks the body has.
    private func send(
        _ input: InputFile, after beginning: Data, _ draft: String, _ cipher: ChunkCipher?
    ) throws -> Int {
        var progress = ProgressBar(total: input.size, isShown: showsProgress)
        defer { progress.end() }
        var index = 0
        // A block is known to be the last one only when nothing follows it.
        var content = beginning
        var sizes: [Int] = []
        try client.pipeline(depth: BodySealer.depth) {
            guard !content.isEmpty else { return nil }
            let following =
                content.count < ChunkPlan.blockContent ? Data() : try input.piece(ChunkPlan.blockContent)
            let block = try cipher?.sealBlock(content, index: index, isLast: following.isEmpty) ?? content
            let request = AgentRequest.envelopeChunk(draft: draft, index: index, block: block)
            sizes.append(content.count)
            index += 1
            content = following
            return request
        } answered: { _ in
            progress.advance(by: sizes.removeFirst())
        }
        return index
    }
}
