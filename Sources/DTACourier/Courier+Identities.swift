import AgentProtocol
import DTAFormats
import DTASystem

/// Identities carried from one host to another. They are public, and the host that gets them verifies them.
extension Courier {
    /// A CAR with an identity of this host, those before and after it in its line, and revocations. It is for
    /// strangers, so it does not show which other identities are known here.
    /// - Throws: `DTAError.notFound` if it is no identity of this host.
    public func packOwnLine(of identity: CID) throws -> [UInt8] {
        let stranger = DTAError(.notFound, "there is no such identity of this host")
        let history: AgentResponse
        do {
            history = try client.call(.identityHistory(identity.description))
        } catch let error as DTAError where [.notFound, .invalidArgument, .permissionDenied].contains(error.code) {
            throw stranger
        }
        guard history.identities.contains(where: { $0.own && $0.cid == identity.description }) else { throw stranger }
        return try pack(history, root: identity)
    }

    private func pack(_ history: AgentResponse, root: CID) throws -> [UInt8] {
        do {
            var car: [UInt8] = []
            var writer = try CARWriter(roots: [root]) { car += $0 }
            for block in history.blocks {
                _ = try remaining
                let bytes = [UInt8](try client.call(.getBlock(block.cid, localOnly: true)).data)
                try writer.append(ContentBlock(bytes, named: try CID(block.cid)))
                guard writer.size <= UInt64(sizeLimit) else { throw tooLarge }
            }
            return car
        } catch let error as FormatError {
            throw Courier.damaged(root, error)
        }
    }

    /// Takes in an identity that a gateway answered: its document, and those of its line that came with it.
    /// - Throws: `DTAError.dataLoss` if it is another block; else as `deliver`.
    public func deliver(identity: CID, car: [UInt8], from place: String) throws {
        let consignment: Consignment
        do {
            consignment = try Consignment(car: car, deadline: deadline)
        } catch let error as DTAError where error.code == .invalidArgument {
            throw DTAError(.dataLoss, "\(place) answers with no identity: \(error.message)")
        }
        guard consignment.roots == [identity], consignment.kinds[identity] == .identity,
            !consignment.strangers.contains(identity)
        else { throw DTAError(.dataLoss, "\(place) answers with another thing than the identity \(identity)") }
        let delivery = try deliver(consignment)
        if let refusal = delivery.refused.first(where: { $0.cid == identity }) { throw refusal.error }
    }
}
