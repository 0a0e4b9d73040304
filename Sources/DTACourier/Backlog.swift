import DTAFormats

/// The parts that another host needs before it can take in some others: those that they continue and that it lacks. A
/// thread of ten thousand uses is longer than a courier carries, and both sides know all but the end of it.
///
/// A host that has a part has all that it continues, so the newest one that it knows is found with few questions.
struct Backlog {
    /// How many parts before a new one are sent without asking: sending them costs less than a question.
    static let unasked = 16

    private let previous: (CID) throws -> CID?
    private let isKnown: (CID) throws -> Bool

    /// The parts to send, each after the one that it continues.
    private(set) var parts: [CID] = []
    /// The parts that the other side has, with all that they continue.
    private(set) var known: Set<CID> = []
    private var included: Set<CID> = []

    /// - Parameters:
    ///   - previous: the part that one continues; nil: it begins a thread.
    ///   - isKnown: asks the other side.
    init(previous: @escaping (CID) throws -> CID?, isKnown: @escaping (CID) throws -> Bool) {
        self.previous = previous
        self.isKnown = isKnown
    }

    /// Adds a part, and those that it needs.
    /// - Throws: what the closures throw.
    mutating func add(_ part: CID) throws {
        guard !included.contains(part) else { return }
        let missing = try missing(before: part)
        for cid in missing.reversed() + [part] where included.insert(cid).inserted { parts.append(cid) }
    }

    /// Those before a part that the other side lacks, the nearest first.
    private mutating func missing(before part: CID) throws -> [CID] {
        var chain: [CID] = []
        var next = try previous(part)
        // At least this many are missing.
        var missing = 0
        var question = Backlog.unasked
        while let cid = next, !included.contains(cid), !known.contains(cid) {
            chain.append(cid)
            if chain.count > question {
                if try isKnown(cid) { return try search(chain, from: missing, known: chain.count - 1) }
                missing = chain.count
                question *= 2
            }
            next = try previous(cid)
        }
        // So few are sent even if they are known.
        if chain.count <= Backlog.unasked { return chain }
        return try search(chain, from: missing, known: chain.count)
    }

    /// The beginning of a chain, up to the first that is known.
    /// - Parameters: `from`: all before are missing; `known`: this one is known, or is the chain's end.
    private mutating func search(_ chain: [CID], from: Int, known end: Int) throws -> [CID] {
        var (low, high) = (from, end)
        while low < high {
            let middle = (low + high) / 2
            if try isKnown(chain[middle]) { high = middle } else { low = middle + 1 }
        }
        if low < chain.count { known.insert(chain[low]) }
        return Array(chain[..<low])
    }
}
