import Glibc

/// Bytes that must not outlive their use. There is one owner; what it hands out is lent to a closure, and the bytes are
/// zeroed when the owner's life ends. Arrays would be copied unseen.
///
/// It has no description and is not `Codable`. Its memory is the heap's: a few hundred nanoseconds each. What is kept for
/// as long as a process lives, such as a PIN, belongs in pages of its own (`SecretBytes` of DTASystem).
@safe public struct Secret: ~Copyable, @unchecked Sendable {
    // Sendable: only its one owner writes to it.
    private let base: UnsafeMutableRawPointer
    private let capacity: Int
    public private(set) var count: Int

    /// Makes room for `capacity` bytes and lets `fill` write them.
    /// - Parameter fill: writes to the room, and says how many bytes it wrote; at first that is 0.
    public init<Failure: Error>(
        capacity: Int, filling fill: (UnsafeMutableRawBufferPointer, inout Int) throws(Failure) -> Void
    ) throws(Failure) {
        unsafe base = UnsafeMutableRawPointer.allocate(byteCount: max(capacity, 1), alignment: 16)
        self.capacity = capacity
        count = 0
        unsafe memset(base, 0, capacity)
        // All is set, so what `fill` has written is zeroed also if it throws.
        try unsafe fill(UnsafeMutableRawBufferPointer(start: base, count: capacity), &count)
        precondition((0...capacity).contains(count), "a secret is filled beyond its room")
    }

    /// Makes `count` bytes, zeros at first, and lets `fill` write them.
    public init<Failure: Error>(
        count: Int, filling fill: (UnsafeMutableRawBufferPointer) throws(Failure) -> Void
    ) throws(Failure) {
        try unsafe self.init(capacity: count) { (room, used) throws(Failure) in
            try unsafe fill(room)
            used = count
        }
    }

    /// Takes a copy of `bytes`. What they came from is the caller's to wipe.
    public init(copying bytes: Span<UInt8>) {
        unsafe base = UnsafeMutableRawPointer.allocate(byteCount: max(bytes.count, 1), alignment: 16)
        (capacity, count) = (bytes.count, bytes.count)
        unsafe bytes.withUnsafeBytes {
            unsafe UnsafeMutableRawBufferPointer(start: base, count: count).copyMemory(from: $0)
        }
    }

    /// The same of what a library lends by a pointer.
    public init(copying bytes: UnsafeRawBufferPointer) {
        unsafe self.init(copying: bytes.bindMemory(to: UInt8.self).span)
    }

    /// Takes a copy of an array and overwrites it: for what a library gives as an array.
    public init(taking bytes: inout [UInt8]) {
        self.init(copying: bytes.span)
        wipe(&bytes)
    }

    /// From the system's generator of random numbers.
    public static func random(count: Int) -> Secret {
        var generator = SystemRandomNumberGenerator()
        return unsafe Secret(count: count) { room in
            for index in room.indices { unsafe room[index] = UInt8.random(in: 0...255, using: &generator) }
        }
    }

    deinit {
        unsafe explicit_bzero(base, capacity)
        unsafe base.deallocate()
    }

    public var isEmpty: Bool { count == 0 }

    /// Lends the bytes to `body`.
    public borrowing func withBytes<Result: ~Copyable, Failure: Error>(
        _ body: (Span<UInt8>) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try unsafe body(
            UnsafeBufferPointer(start: base.assumingMemoryBound(to: UInt8.self), count: count).span)
    }

    /// The same for what takes pointers. None of them may be kept.
    public borrowing func withUnsafeBytes<Result: ~Copyable, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try unsafe body(UnsafeRawBufferPointer(start: base, count: count))
    }

    /// Lends the bytes to `body`, which may change them.
    public mutating func withUnsafeMutableBytes<Result: ~Copyable, Failure: Error>(
        _ body: (UnsafeMutableRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try unsafe body(UnsafeMutableRawBufferPointer(start: base, count: count))
    }

    /// A new owner of these bytes, with others before and behind them.
    public borrowing func between(_ head: [UInt8], _ tail: [UInt8]) -> Secret {
        unsafe withUnsafeBytes { bytes in
            let end = head.count + bytes.count
            return unsafe Secret(count: end + tail.count) { room in
                unsafe room.copyBytes(from: head)
                unsafe UnsafeMutableRawBufferPointer(rebasing: room[head.count..<end]).copyMemory(from: bytes)
                unsafe UnsafeMutableRawBufferPointer(rebasing: room[end...]).copyBytes(from: tail)
            }
        }
    }

    /// A new owner of these bytes, with others behind them.
    public borrowing func followed(by others: [UInt8]) -> Secret { between([], others) }

    /// Whether all bytes are as they should be.
    public borrowing func allSatisfy(_ isRight: (UInt8) -> Bool) -> Bool {
        withBytes { bytes in bytes.indices.allSatisfy { isRight(bytes[$0]) } }
    }

    /// Compares in a time that depends on the lengths alone.
    public borrowing func isEqual(to other: Span<UInt8>) -> Bool {
        guard other.count == count else { return false }
        return withBytes { bytes in
            var difference: UInt8 = 0
            for index in bytes.indices { difference |= bytes[index] ^ other[index] }
            return difference == 0
        }
    }
}

/// A reference to a secret, for what can only hold values that can be copied: messages, results and closures. Copying it
/// copies no byte. The bytes are zeroed when the last reference goes.
public final class SecretReference: Sendable, Equatable {
    private let secret: Secret

    public init(_ secret: consuming Secret) { self.secret = secret }

    /// Takes a copy of `bytes`. What they came from is the caller's to wipe.
    public convenience init(copying bytes: [UInt8]) { self.init(Secret(copying: bytes.span)) }

    public var count: Int { secret.count }

    /// Lends the bytes to `body`.
    public func withBytes<Result: ~Copyable, Failure: Error>(
        _ body: (Span<UInt8>) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try secret.withBytes(body)
    }

    /// The same for what takes pointers. None of them may be kept.
    public func withUnsafeBytes<Result: ~Copyable, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try unsafe secret.withUnsafeBytes(body)
    }

    /// Lends the owner to `body`.
    public func withSecret<Result: ~Copyable, Failure: Error>(
        _ body: (borrowing Secret) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try body(secret)
    }

    /// Compares in a time that depends on the lengths alone.
    public static func == (one: SecretReference, other: SecretReference) -> Bool {
        one.withBytes { other.secret.isEqual(to: $0) }
    }
}

/// Overwrites an array's bytes before it is let go, in a way that the optimiser keeps. For the arrays that a library gives
/// or wants; a copy of the array stays as it is.
public func wipe(_ bytes: inout [UInt8]) {
    unsafe bytes.withUnsafeMutableBytes { buffer in
        if let base = buffer.baseAddress { unsafe explicit_bzero(base, buffer.count) }
    }
    bytes.removeAll()
}
