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
            // So that it is known to be found where it is; again, where the maps change while they are read.
            #expect(try (0..<10).contains { _ in try Memory.holds(Pattern(seed: seed)) })
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
    /// Whether 16 bytes from the middle of the pattern are anywhere in this process's private memory. The ends of what was
    /// freed belong to the allocator.
    static func holds(_ pattern: Pattern) throws -> Bool {
        let (window, length) = (1 << 20, 16)
        // Shared memory, by which what is searched with is told from what is searched.
        let own = try #require(
            mmap(nil, window + length, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0)
                as UnsafeMutableRawPointer?)
        defer { munmap(own, window + length) }
        let wanted = own + window
        for index in 0..<length {
            wanted.storeBytes(of: pattern[Pattern.count / 2 + index], toByteOffset: index, as: UInt8.self)
        }
        let file = open("/proc/self/mem", O_RDONLY | O_CLOEXEC)
        defer { close(file) }
        try #require(file >= 0)
        for line in try String(contentsOfFile: "/proc/self/maps", encoding: .utf8).split(separator: "\n") {
            let fields = line.split(separator: " ")
            guard fields.count > 1, fields[1] == "rw-p" else { continue }
            let bounds = fields[0].split(separator: "-").compactMap { UInt($0, radix: 16) }
            // What is larger is reserved, not used.
            guard bounds.count == 2, bounds[1] - bounds[0] < 4 << 30 else { continue }
            var at = bounds[0]
            while at < bounds[1] {
                let got = pread(file, own, min(window, Int(bounds[1] - at)), off_t(at))
                // Other tests' threads give memory back meanwhile: a page that is gone hides what follows it.
                guard got > length else {
                    at += 4096
                    continue
                }
                if find(wanted, length, in: own, got) { return true }
                at += UInt(got - length)
            }
        }
        return false
    }

    private static func find(
        _ wanted: UnsafeMutableRawPointer, _ length: Int, in memory: UnsafeMutableRawPointer, _ count: Int
    ) -> Bool {
        let first = Int32(wanted.load(as: UInt8.self))
        var at = 0
        while count - at >= length, let found = memchr(memory + at, first, count - at - length + 1) {
            if memcmp(found, wanted, length) == 0 { return true }
            at = found - memory + 1
        }
        return false
    }
}
