import Foundation
import Testing

@testable import AgentServer

@Suite struct OutputQueueTests {
    @Test("the frames of an output queue go out in order, in whatever pieces the socket takes")
    func order() {
        var queue = OutputQueue()
        var first: [UInt8] = [1, 2, 3, 4]
        var second: [UInt8] = [5, 6]
        queue.append(OutgoingFrame(taking: &first), from: 1)
        queue.append(OutgoingFrame(taking: &second, isSecret: true), from: 0)
        #expect(second.isEmpty && queue.count == 5)
        var out: [UInt8] = []
        while !queue.isEmpty {
            _ = queue.flush { frame, start in
                out.append(frame.withUnsafeBytes { $0[start] })
                return 1
            }
        }
        #expect(out == [2, 3, 4, 5, 6] && queue.count == 0)
        #expect(queue.flush { _, _ in -1 } == 0)
    }

    @Test("nothing of a secret frame is left when it is sent, or given up")
    func wiping() throws {
        for givesUp in [false, true] {
            var queue = OutputQueue()
            var frame = [UInt8](repeating: 0, count: 4096)
            for index in frame.indices { frame[index] = UInt8.random(in: .min ... .max) }
            let wanted = Array(frame[2048..<2064])
            let before = frame.withUnsafeBytes { UInt(bitPattern: $0.baseAddress) } + 2048
            let place: UInt
            do {
                let outgoing = OutgoingFrame(taking: &frame, isSecret: true)
                place = outgoing.withUnsafeBytes { UInt(bitPattern: $0.baseAddress) } + 2048
                queue.append(outgoing, from: 0)
            }
            #expect(try Memory.bytes(at: before, count: 16) != wanted)
            #expect(try Memory.bytes(at: place, count: 16) == wanted)
            if givesUp { queue.removeAll() } else { _ = queue.flush { frame, start in frame.count - start } }
            #expect(try Memory.bytes(at: place, count: 16) != wanted)
        }
    }
}

private enum Memory {
    /// What this process has at an address, or nothing where the page is given back. The ends of what was freed belong to
    /// the allocator.
    static func bytes(at address: UInt, count: Int) throws -> [UInt8] {
        let file = open("/proc/self/mem", O_RDONLY | O_CLOEXEC)
        try #require(file >= 0)
        defer { close(file) }
        var bytes = [UInt8](repeating: 0, count: count)
        let got = pread(file, &bytes, count, off_t(address))
        return Array(bytes.prefix(max(0, got)))
    }
}
