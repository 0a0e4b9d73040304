/// The messages of an order in sequence, with the names by which people tell them apart. Programs that show an order
/// and programs that verify one use the same.
public struct OrderChronology<ID: Hashable & Comparable & Sendable>: Sendable {
    /// One message.
    public struct Part: Sendable {
        public let id: ID
        /// Nil if this program does not know it.
        public let kind: OrderPartKind?
        /// The message that it answers.
        public let previous: ID?
        /// Unix seconds: when it was made, by its sender's clock, or when it came, by the clock of the reporting host.
        public let time: Int64
        /// Its place in the order of arrival, if a host reports it.
        public let arrival: Int

        public init(id: ID, kind: OrderPartKind?, previous: ID?, time: Int64, arrival: Int = 0) {
            self.id = id
            self.kind = kind
            self.previous = previous
            self.time = time
            self.arrival = arrival
        }
    }

    /// The use that a message is about, and the request for it.
    public struct Number: Sendable, Hashable {
        /// 0 if it is about none, or that is not known.
        public var use = 0
        /// From 1.
        public var attempt = 1

        public init(use: Int = 0, attempt: Int = 1) {
            self.use = use
            self.attempt = attempt
        }
    }

    /// The messages in sequence, each once: by their times; but each after the message that it answers, even if a
    /// clock says otherwise, and the end of the order after all messages of the same second. In one second a request comes before
    /// the next one, with all its answers, and refused requests before the one that was not refused.
    public let order: [ID]
    private let numbers: [ID: Number]

    public init(_ parts: [Part]) {
        let all = Dictionary(parts.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
        let tree = Self.tree(all)
        let places = Self.places(all)
        func key(_ id: ID) -> (Int64, Int, Int, Int) {
            let place = places[id] ?? (time: .max, arrival: .max)
            return (place.time, all[id]?.kind == .destruction ? 1 : 0, place.arrival, tree[id] ?? .max)
        }
        order = all.keys.sorted { one, other in
            let (a, b) = (key(one), key(other))
            return a == b ? one < other : a < b
        }
        numbers = Self.numbers(order, all)
    }

    public func number(of id: ID) -> Number { numbers[id] ?? Number() }

    /// The latest time, and the latest arrival, of a message and of all before it.
    private static func places(_ all: [ID: Part]) -> [ID: (time: Int64, arrival: Int)] {
        var places: [ID: (time: Int64, arrival: Int)] = [:]
        for part in all.values {
            // Up to a message whose place is known, or the beginning. Links are hashes, which make no circles; names
            // from a host could.
            var path: [Part] = []
            var at: Part? = part
            while let next = at, places[next.id] == nil, path.count <= all.count {
                path.append(next)
                at = next.previous.flatMap { all[$0] }
            }
            var before = at.flatMap { places[$0.id] } ?? (time: .min, arrival: .min)
            for next in path.reversed() {
                before = (max(before.time, next.time), max(before.arrival, next.arrival))
                places[next.id] = before
            }
        }
        return places
    }

    /// The place of each message if every one is followed by its answers. No recursion: a thread may be long.
    private static func tree(_ all: [ID: Part]) -> [ID: Int] {
        var below: [ID: [Part]] = [:]
        var waiting: [Part] = []
        for part in all.values {
            if let previous = part.previous, all[previous] != nil {
                below[previous, default: []].append(part)
            } else {
                waiting.append(part)
            }
        }
        func rank(_ part: Part) -> (Int64, Int, Int) {
            let kind = part.kind.flatMap { OrderPartKind.allCases.firstIndex(of: $0) } ?? OrderPartKind.allCases.count
            let answers = below[part.id] ?? []
            let wasRefused = answers.contains { $0.kind == .refusal } && !answers.contains { $0.kind == .release }
            return (part.time, kind, wasRefused ? 0 : 1)
        }
        func arranged(_ parts: [Part]) -> [Part] {
            let ranked: [(part: Part, rank: (Int64, Int, Int))] = parts.map { (part: $0, rank: rank($0)) }
            let sorted = ranked.sorted { one, other -> Bool in
                one.rank == other.rank ? one.part.id < other.part.id : one.rank < other.rank
            }
            return sorted.map { $0.part }
        }
        var places: [ID: Int] = [:]
        waiting = arranged(waiting).reversed()
        while let part = waiting.popLast() {
            guard places.updateValue(places.count, forKey: part.id) == nil else { continue }
            waiting += arranged(below[part.id] ?? []).reversed()
        }
        return places
    }

    private static func numbers(_ order: [ID], _ all: [ID: Part]) -> [ID: Number] {
        var numbers: [ID: Number] = [:]
        var attempts: [Int: Int] = [:]
        // Each after the message that it answers, whose subject is known.
        for id in order {
            guard let part = all[id] else { continue }
            let before = part.previous.flatMap { all[$0] }
            switch (part.kind, before?.kind) {
            case (.redemption, .commitment), (.redemption, .release):
                let use = (before.flatMap { numbers[$0.id] }?.use ?? 0) + 1
                attempts[use, default: 0] += 1
                numbers[id] = Number(use: use, attempt: attempts[use] ?? 1)
            case (.approval, .redemption), (.release, .redemption), (.refusal, .redemption):
                numbers[id] = before.flatMap { numbers[$0.id] }
            default: break
            }
        }
        return numbers
    }
}
