/// The name of an order for people: its thread's 16 bytes in base32 (RFC 4648 §6), 26 lower-case letters and digits.
/// The order's own name is the CID of its part 1.
public struct OrderReference: Hashable, Sendable, CustomStringConvertible {
    /// The letters of a reference.
    public static let textCount = 26

    /// 16 bytes.
    public let thread: [UInt8]

    /// - Throws: `FormatError` unless these are 16 bytes.
    public init(thread: [UInt8]) throws {
        guard thread.count == 16 else {
            throw FormatError(.malformed, "an order's thread has 16 bytes, not \(thread.count)")
        }
        self.thread = thread
    }

    /// Reads a reference, in its one spelling.
    /// - Throws: `FormatError`.
    public init(_ text: String) throws {
        guard text.utf8.count == OrderReference.textCount else {
            throw FormatError(
                .malformed, "an order's reference has \(OrderReference.textCount) letters, not \(text.utf8.count)")
        }
        try self.init(thread: Base32.decode(text.utf8))
    }

    public var description: String { Base32.encode(thread) }
}
