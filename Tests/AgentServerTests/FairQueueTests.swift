import Testing

@testable import AgentServer

@Suite("The fair queue")
struct FairQueueTests {
    @Test("lets users take turns, each in their own order")
    func turns() {
        var queue = FairQueue<String>()
        for number in 1...1000 { queue.append("a\(number)", user: 1) }
        queue.append("b1", user: 2)
        queue.append("c1", user: 3)
        queue.append("b2", user: 2)
        #expect((0..<6).compactMap { _ in queue.popFirst() } == ["a1", "b1", "c1", "a2", "b2", "a3"])
        #expect(queue.count == 997)
        var rest: [String] = []
        while let next = queue.popFirst() { rest.append(next) }
        #expect(rest == (4...1000).map { "a\($0)" })
        #expect(queue.isEmpty)
    }

    @Test("gives up what a condition names and keeps the order of the rest")
    func removal() {
        var queue = FairQueue<Int>()
        for number in 0..<10 { queue.append(number, user: UInt32(number % 2)) }
        #expect(Set(queue.removeAll { $0 < 4 }) == [0, 1, 2, 3])
        var rest: [Int] = []
        while let next = queue.popFirst() { rest.append(next) }
        #expect(rest.filter { $0 % 2 == 0 } == [4, 6, 8])
        #expect(rest.filter { $0 % 2 == 1 } == [5, 7, 9])
    }
}
