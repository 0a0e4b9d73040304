/// Waiting elements of many users: first in, first out for each user, and the users take turns. A user with a thousand
/// requests delays another user's request by at most one of them.
struct FairQueue<Element> {
    private var lines: [UInt32: Line] = [:]
    /// The users with a waiting element, the next one to be served first.
    private var turns = WaitingLine<UInt32>()
    private(set) var count = 0

    private typealias Line = WaitingLine<Element>

    var isEmpty: Bool { count == 0 }

    /// How many elements of one user wait.
    func count(of user: UInt32) -> Int { lines[user]?.count ?? 0 }

    mutating func append(_ element: Element, user: UInt32) {
        if lines[user]?.isEmpty ?? true { turns.append(user) }
        lines[user, default: Line()].append(element)
        count += 1
    }

    mutating func popFirst() -> Element? { popFirst(where: { _ in true })?.element }

    /// The next element of a user for whom `isServed` holds. Other users wait for their next turn.
    mutating func popFirst(where isServed: (UInt32) -> Bool) -> (user: UInt32, element: Element)? {
        for _ in 0..<lines.count {
            guard let user = turns.popFirst() else { return nil }
            guard isServed(user) else {
                turns.append(user)
                continue
            }
            guard let element = lines[user]?.popFirst() else { return nil }
            count -= 1
            if lines[user]?.isEmpty ?? true {
                lines[user] = nil
            } else {
                turns.append(user)
            }
            return (user, element)
        }
        return nil
    }

    /// Takes out all elements for which `condition` holds.
    mutating func removeAll(where condition: (Element) -> Bool) -> [Element] {
        guard count > 0 else { return [] }
        var removed: [Element] = []
        var kept = FairQueue()
        while let user = turns.popFirst() {
            while let element = lines[user]?.popFirst() {
                if condition(element) { removed.append(element) } else { kept.append(element, user: user) }
            }
        }
        self = kept
        return removed
    }
}

/// A first-in-first-out line whose head moves instead of its elements.
struct WaitingLine<Element> {
    private var elements: [Element?] = []
    private var head = 0

    var isEmpty: Bool { head == elements.count }
    var count: Int { elements.count - head }

    mutating func append(_ element: Element) { elements.append(element) }

    mutating func popFirst() -> Element? {
        guard head < elements.count else { return nil }
        defer {
            elements[head] = nil
            head += 1
            if head == elements.count {
                elements.removeAll(keepingCapacity: head < 1024)
                head = 0
            } else if head > 1024, head * 2 > elements.count {
                elements.removeFirst(head)
                head = 0
            }
        }
        return elements[head]
    }
}
