import DTABytes
import DTASystem
import Glibc

/// Builds one message at a time, in a buffer that is used again for the next one. Messages may hold secrets: it zeroes
/// memory before it gives it back.
public struct CustodyWriter: ~Copyable {
    private var base: UnsafeMutableRawPointer
    private var capacity = 1024
    private var count = 0

    public init() { base = .allocate(byteCount: capacity, alignment: 16) }

    deinit {
        unsafe explicit_bzero(base, capacity)
        unsafe base.deallocate()
    }

    /// Starts a message with an operation or a status.
    public mutating func begin(_ head: UInt8) {
        count = 0
        put(UInt32(0))
        put(head)
    }

    public mutating func field(_ value: [UInt8]) { field(value.span) }

    public mutating func field(_ value: SecretReference) { value.withBytes { field($0) } }

    public mutating func field(_ value: String) {
        var value = value
        value.withUTF8 { unsafe field($0.span) }
    }

    public mutating func field(_ value: Span<UInt8>) {
        put(UInt32(truncatingIfNeeded: value.count))
        unsafe value.withUnsafeBytes { unsafe put($0) }
    }

    public mutating func field(_ value: UInt8) {
        put(UInt32(1))
        put(value)
    }

    public mutating func field(_ value: UInt32) {
        put(UInt32(4))
        put(value)
    }

    public mutating func field(_ value: UInt64) {
        put(UInt32(8))
        put(value)
    }

    private mutating func put(_ number: some FixedWidthInteger) {
        unsafe withUnsafeBytes(of: number.bigEndian) { unsafe put($0) }
    }

    private mutating func put(_ bytes: UnsafeRawBufferPointer) {
        if bytes.count > capacity - count { grow(to: max(2 * capacity, count + bytes.count)) }
        unsafe UnsafeMutableRawBufferPointer(start: base + count, count: capacity - count).copyMemory(from: bytes)
        count += bytes.count
    }

    private mutating func grow(to size: Int) {
        let larger = UnsafeMutableRawPointer.allocate(byteCount: size, alignment: 16)
        unsafe larger.copyMemory(from: base, byteCount: count)
        unsafe explicit_bzero(base, capacity)
        unsafe base.deallocate()
        unsafe base = larger
        capacity = size
    }

    /// Fills in the length and writes the message to a blocking socket, in one call if the socket takes it.
    /// - Throws: `DTAError.invalidArgument` past the limit, before anything is sent; `SystemCallError`.
    public mutating func send(to socket: Int32) throws {
        let size = count - CustodyFrame.headerSize
        guard size <= CustodyFrame.limit else {
            throw DTAError(
                .invalidArgument, "a custody message of \(size) bytes: at most \(CustodyFrame.limit) are allowed")
        }
        try unsafe UnixSocket.sendAll(socket, finished())
    }

    /// The message with its length. It is lent until the next call.
    mutating func finished() -> UnsafeRawBufferPointer {
        let size = UInt32(truncatingIfNeeded: count - CustodyFrame.headerSize)
        unsafe base.storeBytes(of: size.bigEndian, as: UInt32.self)
        return unsafe UnsafeRawBufferPointer(start: base, count: count)
    }

    /// Overwrites the message, which may have held a secret.
    public mutating func wipe() { unsafe explicit_bzero(base, count) }
}
