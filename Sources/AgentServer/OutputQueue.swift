import DTASystem

/// Answers that a socket did not take yet, as they were encoded: a large one is neither copied nor joined to others.
struct OutputQueue {
    private var frames: [OutgoingFrame] = []
    /// How much of the first one is sent.
    private var sent = 0
    /// Bytes that are not sent.
    private(set) var count = 0

    var isEmpty: Bool { frames.isEmpty }

    /// - Parameter start: how much of the frame was sent already; less than all of it.
    mutating func append(_ frame: OutgoingFrame, from start: Int) {
        if frames.isEmpty { sent = start }
        count += frame.count - start
        frames.append(frame)
    }

    /// Sends what the socket takes.
    /// - Parameter send: sends from a place in a frame on, and answers how many bytes went out; -1 if it is broken.
    /// - Returns: how many bytes went out of all; -1 if it is broken.
    mutating func flush(_ send: (OutgoingFrame, Int) -> Int) -> Int {
        var total = 0
        while let first = frames.first {
            let went = send(first, sent)
            guard went >= 0 else { return -1 }
            total += went
            sent += went
            count -= went
            guard sent == first.count else { break }
            frames.removeFirst()
            sent = 0
        }
        return total
    }

    mutating func removeAll() { self = OutputQueue() }
}
