// Inlinable: other modules have many such numbers in each message. Without it, each shift is a call by a witness table.
extension FixedWidthInteger {
    /// The number's bytes, the most significant one first.
    @inlinable
    public var bigEndianBytes: [UInt8] {
        var bytes: [UInt8] = []
        bytes.append(bigEndian: self)
        return bytes
    }

    /// The number whose bytes these are, the most significant one first. Bytes that do not fit are lost, as in a shift.
    @inlinable
    public init(bigEndianBytes bytes: some Sequence<UInt8>) {
        self = bytes.reduce(0) { $0 << 8 | Self(truncatingIfNeeded: $1) }
    }
}

extension Array where Element == UInt8 {
    /// Appends a number's bytes, the most significant one first.
    @inlinable
    public mutating func append(bigEndian number: some FixedWidthInteger) {
        for shift in stride(from: number.bitWidth - 8, through: 0, by: -8) {
            append(UInt8(truncatingIfNeeded: number >> shift))
        }
    }
}
