/// What the plaintext of an order's part says. It is read where it lies, so that no copy of it stays in memory; what it
/// says is copied.
public protocol PartPlaintext {
    /// Reads a plaintext.
    /// - Throws: `FormatError`.
    init(_ plaintext: Span<UInt8>) throws
}

extension PartPlaintext {
    /// The same of a plaintext in an array.
    public init(_ plaintext: [UInt8]) throws { try self.init(plaintext.span) }
}
