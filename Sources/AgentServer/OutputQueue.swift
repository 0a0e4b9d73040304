/// Answers that a socket did not take yet, as they were encoded: a large one is neither copied nor put beside others.
struct OutputQueue {
    private var frames: [[UInt8]] = []
    /// How much of the first one is sent.
    private var sent = 0
    /// Bytes that are not sent.
    private(set) var count = 0

    var isEmpty: Bool { frames.isEmpty }

    /// - Parameter start: how much of the frame was sent already; less than all of it.
    mutating func append(_ frame: [UInt8], from start: Int) {
        if frames.isEmpty { sent = start }
        frames.append(frame)
        count += frame.count - start
    }

    /// Sends what the socket takes.
    /// - Parameter send: sends from a place in a frame on, and answers how many bytes went out; -1 where it is broken.
    /// - Returns: how many bytes went out of all; -1 where it is broken.
    mutating func flush(_ send: ([UInt8], Int) -> Int) -> Int {
        var total = 0
        while let frame = frames.first {
            let went = send(frame, sent)
            guard went >= 0 else { return -1 }
            total += went
            sent += went
            count -= went
            guard sent == frame.count else { break }
            frames.removeFirst()
            sent = 0
        }
        return total
    }

    mutating func removeAll() { self = OutputQueue() }
}
