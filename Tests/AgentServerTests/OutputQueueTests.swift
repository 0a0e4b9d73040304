import Foundation
import Testing

@testable import AgentServer

@Suite struct OutputQueueTests {
    @Test("frames go out in order, in whatever pieces the socket takes")
    func order() {
        var queue = OutputQueue()
        var first: [UInt8] = [1, 2, 3, 4]
        var second: [UInt8] = [5, 6]
        queue.append(&first, from: 1)
        queue.append(&second, from: 0, isSecret: true)
        #expect(first.isEmpty && second.isEmpty && queue.count == 5)
        var out: [UInt8] = []
        while !queue.isEmpty {
            _ = queue.flush { frame, start in
                out.append(frame[start])
                return 1
            }
        }
        #expect(out == [2, 3, 4, 5, 6] && queue.count == 0)
        #expect(queue.flush { _, _ in -1 } == 0)
    }

    @Test("a secret frame is nowhere in memory when it is sent, or given up")
    func wiping() throws {
        for givesUp in [false, true] {
            let seed = UInt64.random(in: .min ... .max)
            var queue = OutputQueue()
            var frame = Pattern(seed: seed).frame
            queue.append(&frame, from: 0, isSecret: true)
            // So that it is known to be found where it is.
            #expect(try Memory.holds(Pattern(seed: seed)))
            if givesUp { queue.removeAll() } else { _ = queue.flush { frame, start in frame.count - start } }
            #expect(try !Memory.holds(Pattern(seed: seed)))
        }
    }
}

/// Bytes that are computed one by one, so that who looks for them holds no copy.
private struct Pattern {
    let seed: UInt64
    static let count = 4096

    subscript(_ index: Int) -> UInt8 {
        var mixed = seed &+ UInt64(index) &* 0x9e37_79b9_7f4a_7c15
        mixed = (mixed ^ mixed >> 30) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ mixed >> 27) &* 0x94d0_49bb_1331_11eb
        return UInt8(truncatingIfNeeded: mixed ^ mixed >> 31)
    }

    var frame: [UInt8] {
        [UInt8](unsafeUninitializedCapacity: Pattern.count) { buffer, count in
            for index in 0..<Pattern.count { buffer[index] = self[index] }
            count = Pattern.count
        }
    }
}

private enum Memory {
    /// Whether 16 bytes from the middle of the pattern are anywhere in this process's writable memory. The ends of what was
    /// freed belong to the allocator.
    static func holds(_ pattern: Pattern) throws -> Bool {
        let window = 1 << 20
        let buffer = try #require(
            mmap(nil, window, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) as UnsafeMutableRawPointer?)
        defer { munmap(buffer, window) }
        let own = UInt(bitPattern: buffer)
        let file = open("/proc/self/mem", O_RDONLY | O_CLOEXEC)
        defer { close(file) }
        try #require(file >= 0)
        let wanted = (2048..<2064).map { pattern[$0] ^ 0xff }
        for line in try String(contentsOfFile: "/proc/self/maps", encoding: .utf8).split(separator: "\n") {
            let fields = line.split(separator: " ")
            guard fields.count > 1, fields[1].hasPrefix("rw") else { continue }
            let bounds = fields[0].split(separator: "-").compactMap { UInt($0, radix: 16) }
            guard bounds.count == 2, !(bounds[0]...bounds[1]).contains(own) else { continue }
            var at = bounds[0]
            while at < bounds[1] {
                let got = pread(file, buffer, min(window, Int(bounds[1] - at)), off_t(at))
                guard got > 0 else { break }
                let bytes = UnsafeRawBufferPointer(start: buffer, count: got)
                for start in 0..<max(0, got - 15) where bytes[start] ^ 0xff == wanted[0] {
                    if (1..<16).allSatisfy({ bytes[start + $0] ^ 0xff == wanted[$0] }) { return true }
                }
                guard got == window else { break }
                at += UInt(window - 16)
            }
        }
        return false
    }
}
