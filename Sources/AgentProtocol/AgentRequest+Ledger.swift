/// The ledger and its IPFS node.
extension AgentRequest {
    /// - Parameter localOnly: the IPFS node is not asked for what is not here.
    public static func getBlock(_ cid: String, localOnly: Bool) -> AgentRequest {
        var request = getBlock(cid)
        request.localOnly = localOnly
        return request
    }

    /// How the IPFS node is, and how far one block is on its way there.
    public static func publication(of cid: String) -> AgentRequest { AgentRequest(.ledgerStatus, subject: cid) }

    /// Drops bytes that the IPFS node has pinned, a round at a time.
    /// - Parameter cursor: of the answer before; "" at the start.
    public static func collectGarbage(dryRun: Bool, cursor: String = "") -> AgentRequest {
        var request = AgentRequest(.ledgerGc)
        request.dryRun = dryRun
        request.cursor = cursor
        return request
    }
}
