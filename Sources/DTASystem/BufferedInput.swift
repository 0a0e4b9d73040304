import DTABytes
import Glibc

/// Reads pieces of known lengths from a descriptor, and with each read(2) as much as is there: a writer that writes its
/// messages piece by piece is followed with few calls. What was taken is not kept here: it may be a secret.
public struct BufferedInput {
    private let descriptor: Int32
    private var buffer = [UInt8](repeating: 0, count: 4096)
    /// What is in the buffer and was not taken.
    private var held = 0..<0

    public init(_ descriptor: Int32) { self.descriptor = descriptor }

    /// So many bytes; fewer if the end comes before them.
    public mutating func take(_ count: Int) throws -> [UInt8] {
        if count <= buffer.count {
            if held.count < count { try read(count) }
            return takeHeld(count)
        }
        var first = takeHeld(count)
        defer { wipe(&first) }
        // The rest would only be copied.
        return try [UInt8](unsafeUninitializedCapacity: count) { room, used in
            used = unsafe room.initialize(fromContentsOf: first)
            used += try unsafe fill(
                UnsafeMutableRawBufferPointer(UnsafeMutableBufferPointer(rebasing: room[used...])), from: descriptor)
        }
    }

    private mutating func takeHeld(_ count: Int) -> [UInt8] {
        let taken = held.prefix(count)
        defer {
            _ = buffer.withUnsafeMutableBytes { buffer in
                unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[taken]).initializeMemory(
                    as: UInt8.self, repeating: 0)
            }
            held = taken.endIndex..<held.upperBound
        }
        return Array(buffer[taken])
    }

    /// Reads until at least so many bytes are held, or the end has come.
    private mutating func read(_ count: Int) throws {
        if buffer.count - held.lowerBound < count {
            for (place, index) in held.enumerated() { buffer.swapAt(place, index) }
            held = 0..<held.count
        }
        while held.count < count {
            let got = try buffer.withUnsafeMutableBytes { buffer in
                let room = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[held.upperBound...])
                return try systemCall("read") { unsafe Glibc.read(descriptor, room.baseAddress, room.count) }
            }
            if got == 0 { return }
            held = held.lowerBound..<(held.upperBound + got)
        }
    }
}
