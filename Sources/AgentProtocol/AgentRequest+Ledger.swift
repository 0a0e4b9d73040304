/// Requests about the ledger and its IPFS node.
extension AgentRequest {
    /// Reads a block.
    /// - Parameter cid: the block's.
    /// - Parameter localOnly: do not ask the IPFS node for missing blocks.
    public static func getBlock(_ cid: String, localOnly: Bool) -> AgentRequest {
        var request = getBlock(cid)
        request.localOnly = localOnly
        return request
    }

    /// Asks for the state of the IPFS node, and whether one block is published there.
    /// - Parameter cid: the block's.
    public static func publication(of cid: String) -> AgentRequest { AgentRequest(.ledgerStatus, subject: cid) }

    /// Drops bytes that the IPFS node has pinned, a round at a time. For administrators.
    /// - Parameter dryRun: only count them.
    /// - Parameter cursor: that of the answer before; "" at the start.
    public static func collectGarbage(dryRun: Bool, cursor: String = "") -> AgentRequest {
        var request = AgentRequest(.ledgerGc)
        request.dryRun = dryRun
        request.cursor = cursor
        return request
    }
}
