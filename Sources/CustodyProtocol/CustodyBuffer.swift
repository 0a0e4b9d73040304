import DTASystem
import Glibc

/// Reads one message at a time from a blocking socket, into memory that is used again for the next one. Both sides of
/// the wall read with it; each connection has one and uses it from one thread at a time.
public final class CustodyBuffer {
    private var base: UnsafeMutableRawPointer
    private var capacity: Int
    private var used = 0

    public init(capacity: Int = 4096) {
        self.capacity = capacity
        unsafe base = .allocate(byteCount: capacity, alignment: 16)
    }

    deinit {
        wipe()
        unsafe base.deallocate()
    }

    /// Waits for a message.
    /// - Returns: the message without its length, valid until the next call; nil if the stream ended before it.
    /// - Throws: `SystemCallError`, EAGAIN at the socket's deadline; `DTAError.invalidArgument` for a message that is
    ///   empty, too large or cut short, or that is followed by more bytes: each side sends only in its turn.
    public func receive(from socket: Int32) throws -> UnsafeRawBufferPointer? {
        used = 0
        var size: Int?
        while true {
            let got = try unsafe UnixSocket.receive(socket, into: base + used, capacity: capacity - used)
            if got == 0 {
                if used == 0 { return nil }
                throw DTAError(.invalidArgument, "a custody message is cut short")
            }
            used += got
            if size == nil, used >= CustodyFrame.headerSize {
                let length = unsafe Int(UInt32(bigEndian: base.loadUnaligned(as: UInt32.self)))
                guard (1...CustodyFrame.limit).contains(length) else {
                    throw DTAError(
                        .invalidArgument,
                        "a custody message of \(length) bytes: from 1 to \(CustodyFrame.limit) are allowed")
                }
                size = CustodyFrame.headerSize + length
                grow(to: CustodyFrame.headerSize + length)
            }
            guard let size, used >= size else { continue }
            guard used == size else { throw DTAError(.invalidArgument, "a custody message has bytes behind it") }
            return unsafe UnsafeRawBufferPointer(
                start: base + CustodyFrame.headerSize, count: size - CustodyFrame.headerSize)
        }
    }

    /// Overwrites the last message, which may have held a secret.
    public func wipe() { unsafe explicit_bzero(base, used) }

    private func grow(to size: Int) {
        guard size > capacity else { return }
        let larger = UnsafeMutableRawPointer.allocate(byteCount: size, alignment: 16)
        unsafe larger.copyMemory(from: base, byteCount: used)
        wipe()
        unsafe base.deallocate()
        unsafe base = larger
        capacity = size
    }
}
