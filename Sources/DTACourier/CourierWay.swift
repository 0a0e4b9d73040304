import DTAFormats

/// The way to another host.
public protocol CourierWay {
    /// Whether a part is known there, with all that it continues.
    func knows(_ part: CID) throws -> Bool
    /// Sends a CAR.
    /// - Returns: a CAR with the answers; nil if there are none.
    func deliver(_ car: [UInt8]) throws -> [UInt8]?
}

extension Courier {
    /// Sends parts with the history that the other side lacks, in as many CARs as that takes.
    /// - Parameter answered: gets each CAR that answers.
    /// - Throws: as `pack` and the way do, and what `answered` throws.
    public func send(_ parts: [CID], over way: some CourierWay, answered: ([UInt8]) throws -> Void) throws {
        var backlog = Backlog(previous: previous) { cid in
            _ = try remaining
            return try way.knows(cid)
        }
        for part in parts { try backlog.add(part) }
        if backlog.parts.count <= Courier.lotLimit {
            do {
                let car = try packed(parts, known: backlog.known)
                if let answer = try way.deliver(car) { try answered(answer) }
                return
            } catch is TooLarge {}
        }
        var rest = backlog.parts[...]
        var known = backlog.known
        var count = Courier.lotLimit
        while !rest.isEmpty {
            _ = try remaining
            let lot = Array(rest.prefix(count))
            do {
                let car = try packed(lot, known: known)
                if let answer = try way.deliver(car) { try answered(answer) }
            } catch is TooLarge {
                guard lot.count > 1 else { throw tooLarge }
                count = lot.count / 2
                continue
            }
            known.formUnion(lot)
            rest = rest.dropFirst(lot.count)
        }
    }

    /// The part that one continues.
    func previous(_ cid: CID) throws -> CID? {
        let bytes = [UInt8](try client.call(.getBlock(cid.description)).data)
        do {
            return try SignedEnvelope(block: ContentBlock(bytes, named: cid).bytes).envelope.header.previous
        } catch let error as FormatError {
            throw Courier.damaged(cid, error)
        }
    }
}
