import DTACore
import DTAFormats
import DTAKubo
import DTASystem

/// Blocks that are not here but may be on the IPFS node.
extension LedgerService {
    /// How long to wait for the node; nil if there is none.
    package var fetchMilliseconds: Int? { publisher?.client.options.readMilliseconds }

    /// Fetches a block from the node and stores it for the caller, as if the caller had put it.
    /// - Parameter milliseconds: how long to wait for it.
    /// - Throws: `DTAError`: `notFound`, `unavailable`, `dataLoss` if other bytes came, `resourceExhausted`.
    package func fetch(_ cid: CID, for caller: Caller, milliseconds: Int) throws {
        guard let client = publisher?.client else {
            throw DTAError(
                .failedPrecondition, "no IPFS node is configured", hint: "ledger.kubo in dtad.yaml names one")
        }
        // A caller that cannot own the block must not cause a call to the node.
        _ = try Owner(of: caller)
        let bytes: [UInt8]
        do {
            bytes = try client.get(cid, milliseconds: milliseconds)
        } catch let error as KuboError {
            guard error.kind == .unreachable || error.kind == .refused else { throw error.error }
            throw DTAError(
                error.error.code, "the block \(cid) is not here, and \(error.error.message)", hint: error.error.hint)
        }
        let type = cid.codec == .raw ? ContentType.raw : .dagCBOR
        let stored = try LedgerService(blocks.receiving, judge: judge).put(
            caller, data: bytes, contentType: type.rawValue)
        guard stored == cid else { throw DTAError(.internal, "the block \(cid) was stored as \(stored)") }
    }

    /// The node for `status`, from memory; empty if none is configured.
    package var nodeHealth: [(String, String)] {
        guard let publisher else { return [] }
        return describe(publisher.health) + [("unfinished", "\(publisher.health.unfinished)")]
    }

    /// The node, and how many blocks are in each state; empty if no node is configured.
    package func nodeStatus() throws -> [(String, String)] {
        guard let publisher else { return [] }
        let counts = try publisher.outbox.counts()
        return describe(publisher.health)
            + PublicationState.allCases.map { ($0.rawValue, "\(counts[$0] ?? 0)") }
    }

    private func describe(_ health: NodeHealth) -> [(String, String)] {
        var fields = [("node", health.endpoint), ("state", health.state.rawValue)]
        if let reason = health.reason { fields.append(("reason", reason.message)) }
        if !health.version.isEmpty { fields += [("version", health.version), ("peer", health.peer)] }
        return fields
    }

    /// The blocks on their way to the node, the oldest first.
    package func unfinished(count: UInt32, cursor: String) throws -> Page<Publication> {
        try publisher?.outbox.unfinished(count: count, cursor: cursor) ?? Page(items: [], cursor: "")
    }

    /// The state of one block.
    /// - Throws: `DTAError`: `failedPrecondition` if no node is configured, `notFound`.
    package func publication(_ subject: String) throws -> Publication {
        let cid = try LedgerService.cid(subject)
        guard let publisher else {
            throw DTAError(
                .failedPrecondition, "no IPFS node is configured: blocks are kept on this host alone",
                hint: "ledger.kubo in dtad.yaml names one")
        }
        guard let publication = try publisher.outbox.publication(cid) else {
            throw DTAError(.notFound, "the block \(cid) is not in this host's ledger")
        }
        return publication
    }
}
