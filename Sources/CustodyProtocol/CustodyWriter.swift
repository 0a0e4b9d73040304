import DTASystem
import Glibc

/// Builds one message at a time, in a buffer that is used again for the next one.
public struct CustodyWriter {
    private var bytes: [UInt8] = []

    public init() { bytes.reserveCapacity(1024) }

    /// Starts a message with an operation or a status.
    public mutating func begin(_ head: UInt8) {
        bytes.removeAll(keepingCapacity: true)
        put(0)
        bytes.append(head)
    }

    public mutating func field(_ value: [UInt8]) {
        makeRoom(for: 4 + value.count)
        put(UInt32(truncatingIfNeeded: value.count))
        bytes.append(contentsOf: value)
    }

    public mutating func field(_ value: String) {
        makeRoom(for: 4 + value.utf8.count)
        put(UInt32(truncatingIfNeeded: value.utf8.count))
        bytes.append(contentsOf: value.utf8)
    }

    public mutating func field(_ value: UInt8) {
        makeRoom(for: 5)
        put(1)
        bytes.append(value)
    }

    public mutating func field(_ value: UInt32) {
        makeRoom(for: 8)
        put(4)
        put(value)
    }

    public mutating func field(_ value: UInt64) {
        makeRoom(for: 12)
        put(8)
        put(UInt32(truncatingIfNeeded: value >> 32))
        put(UInt32(truncatingIfNeeded: value))
    }

    /// An array that grows by itself does not overwrite its old memory.
    private mutating func makeRoom(for count: Int) {
        guard bytes.capacity - bytes.count < count else { return }
        var larger: [UInt8] = []
        larger.reserveCapacity(max(2 * bytes.capacity, bytes.count + count))
        larger.append(contentsOf: bytes)
        swap(&bytes, &larger)
        DTASystem.wipe(&larger)
    }

    private mutating func put(_ value: UInt32) {
        unsafe withUnsafeBytes(of: value.bigEndian) { bytes.append(contentsOf: $0) }
    }

    /// Fills in the length and writes the message to a blocking socket, in one call if the socket takes it.
    /// - Throws: `DTAError.invalidArgument` past the limit, before anything is sent; `SystemCallError`.
    public mutating func send(to socket: Int32) throws {
        let size = bytes.count - CustodyFrame.headerSize
        guard size <= CustodyFrame.limit else {
            throw DTAError(
                .invalidArgument, "a custody message of \(size) bytes: at most \(CustodyFrame.limit) are allowed")
        }
        for index in 0..<4 { bytes[index] = UInt8(truncatingIfNeeded: size >> (24 - 8 * index)) }
        try unsafe bytes.withUnsafeBytes { try unsafe UnixSocket.sendAll(socket, $0) }
    }

    /// The message with its length.
    mutating func finished() -> [UInt8] {
        let size = bytes.count - CustodyFrame.headerSize
        for index in 0..<4 { bytes[index] = UInt8(truncatingIfNeeded: size >> (24 - 8 * index)) }
        return bytes
    }

    /// Overwrites the message, which may have held a secret.
    public mutating func wipe() {
        unsafe bytes.withUnsafeMutableBytes { buffer in
            if let base = buffer.baseAddress { unsafe explicit_bzero(base, buffer.count) }
        }
    }
}
