import AgentProtocol
import DTAFormats
import DTASystem

/// The answers to polls.
extension Courier {
    /// Whether a part was accepted here, and so all that it continues.
    /// - Parameter identities: only in an order in which one of these has a role; none: in any.
    public func knows(_ cid: CID, of identities: [String] = []) throws -> Bool {
        do {
            _ = try client.call(.orderParts(after: cid.description, count: 1, of: identities))
            return true
        } catch let error as DTAError where error.code == .notFound {
            return false
        }
    }

    /// The answer to a poll: a CAR with the parts of the same order that were accepted here and that a part does not
    /// continue, in the order in which they came; and a cursor, if there are more than a courier takes.
    /// - Parameters:
    ///   - cursor: of the answer before; "": from the beginning.
    ///   - identities: as of `knows`.
    /// - Returns: nil if there are none.
    /// - Throws: `DTAError.notFound` if the part is not known here, else as the agent answers.
    public func answer(
        toPollAfter cid: CID, cursor: String = "", of identities: [String] = []
    ) throws -> (car: [UInt8], cursor: String)? {
        var count = Courier.partLimit
        while true {
            let answer = try client.call(
                .orderParts(after: cid.description, count: UInt32(count), cursor: cursor, of: identities))
            guard !answer.parts.isEmpty else { return nil }
            do {
                let parts = try answer.parts.map { try Courier.cid($0.cid) }
                return (try packed(parts, known: try known(to: cid, answer.parts)), answer.cursor)
            } catch is TooLarge {
                guard count > 1 else { throw tooLarge }
                count = min(count, answer.parts.count) / 2
            }
        }
    }

    /// The parts that the asking host has: a part that was accepted came after all that it continues. For a refused
    /// part that is true only of the part before it. A host that asks by an order's name may have only part 1.
    private func known(to asked: CID, _ parts: [AgentOrderPart]) throws -> Set<CID> {
        var known: Set<CID> = []
        for part in parts where !part.previous.isEmpty {
            let before = try Courier.cid(part.previous)
            guard part.knownKind == .refusal else {
                known.insert(before)
                continue
            }
            if let earlier = try previous(before) { known.insert(earlier) }
        }
        if try previous(asked) == nil { known.remove(asked) }
        // The brought parts must be in it.
        return known.subtracting(try parts.map { try Courier.cid($0.cid) })
    }

    private static func cid(_ text: String) throws -> CID {
        do {
            return try CID(text)
        } catch {
            throw DTAError(.dataLoss, "the agent named an envelope wrongly: \(text)")
        }
    }
}
