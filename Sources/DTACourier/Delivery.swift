import AgentProtocol
import DTAFormats
import DTASystem

/// The result of a delivery.
public struct Delivery {
    /// Parts that the agent took in, now or before; the order shows what its rules decided.
    public internal(set) var received: [CID] = []
    /// Blocks and parts that it refused.
    public internal(set) var refused: [(cid: CID, error: DTAError)]
    /// How many blocks were left out, because no part needs them.
    public let dropped: Int
    /// The orders as they are now, by their CIDs.
    public internal(set) var orders: [String: AgentOrder] = [:]
    /// Parts that answer and are to be carried, as the agent made them.
    public internal(set) var answers: [AgentOrderPart] = []

    /// Parts that roots continue, and that were tried already.
    var tried: Set<CID> = []

    init(refused: [(CID, DTAError)], dropped: Int) {
        self.refused = refused.map { (cid: $0.0, error: $0.1) }
        self.dropped = dropped
    }

    /// The answering parts, each once.
    public var answerCIDs: [CID] {
        var seen: Set<String> = []
        return answers.filter { seen.insert($0.cid).inserted }.compactMap { try? CID($0.cid) }
    }
}
