import DTASystem

/// Answers that a socket did not take yet, as they were encoded: a large one is neither copied nor joined to others.
struct OutputQueue {
    private struct Entry {
        var frame: [UInt8]
        let isSecret: Bool
    }

    private var entries: [Entry] = []
    /// How much of the first one is sent.
    private var sent = 0
    /// Bytes that are not sent.
    private(set) var count = 0

    var isEmpty: Bool { entries.isEmpty }

    /// - Parameters:
    ///   - frame: taken from the caller, so that there is one copy, which can be wiped.
    ///   - start: how much of the frame was sent already; less than all of it.
    ///   - isSecret: it is wiped when it is sent, or given up.
    mutating func append(_ frame: inout [UInt8], from start: Int, isSecret: Bool = false) {
        if entries.isEmpty { sent = start }
        count += frame.count - start
        entries.append(Entry(frame: frame, isSecret: isSecret))
        frame = []
    }

    /// Sends what the socket takes.
    /// - Parameter send: sends from a place in a frame on, and answers how many bytes went out; -1 if it is broken.
    /// - Returns: how many bytes went out of all; -1 if it is broken.
    mutating func flush(_ send: ([UInt8], Int) -> Int) -> Int {
        var total = 0
        while !entries.isEmpty {
            let went = send(entries[0].frame, sent)
            guard went >= 0 else { return -1 }
            total += went
            sent += went
            count -= went
            guard sent == entries[0].frame.count else { break }
            if entries[0].isSecret { wipe(&entries[0].frame) }
            entries.removeFirst()
            sent = 0
        }
        return total
    }

    mutating func removeAll() {
        for index in entries.indices where entries[index].isSecret { wipe(&entries[index].frame) }
        self = OutputQueue()
    }
}
