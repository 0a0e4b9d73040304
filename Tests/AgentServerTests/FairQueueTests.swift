import DTASystem
import Testing

@testable import AgentServer

@Suite("The fair queue")
struct FairQueueTests {
    @Test("the fair queue lets users take turns, each in their own order")
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

    @Test("the fair queue passes over a user that is not served now, and does not forget it")
    func passingOver() {
        var queue = FairQueue<String>()
        for element in ["a1", "a2"] { queue.append(element, user: 1) }
        for element in ["b1", "b2"] { queue.append(element, user: 2) }
        #expect(queue.popFirst { $0 == 2 }?.element == "b1")
        #expect(queue.popFirst { $0 == 2 }?.element == "b2")
        #expect(queue.popFirst { $0 == 2 } == nil)
        #expect(queue.count == 2)
        #expect((0..<2).compactMap { _ in queue.popFirst() } == ["a1", "a2"])
        #expect(queue.popFirst() == nil)
    }

    @Test("a lane leaves a thread to others than the user who occupies the rest, and does all of it in the end")
    func lane() {
        let lane = Lane(name: "test", threads: 3, perUser: 2)
        let gate = Monitor(false)
        let done = Monitor<[UInt32]>([])
        lane.start()
        for _ in 0..<3 {
            _ = lane.submit(user: 1) {
                _ = gate.wait { $0 ? true : nil }
                // Whoever else waits at the gate.
                gate.withLockSignalling { _ in }
                done.withLockSignalling { $0.append(1) }
            }
        }
        _ = lane.submit(user: 2) { done.withLockSignalling { $0.append(2) } }
        let patience = monotonicNanoseconds() + 120_000_000_000
        #expect(done.wait(until: patience) { $0 == [2] ? true : nil } == true)
        #expect(!lane.isIdle)
        gate.withLockSignalling { $0 = true }
        #expect(done.wait(until: patience) { $0 == [2, 1, 1, 1] ? true : nil } == true)
        lane.stop()
    }

    @Test("the fair queue gives up what a condition names and keeps the order of the rest")
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
