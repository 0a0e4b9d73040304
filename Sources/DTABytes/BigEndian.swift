extension FixedWidthInteger {
    /// The number's bytes, the most significant one first.
    public var bigEndianBytes: [UInt8] {
        stride(from: Self.bitWidth - 8, through: 0, by: -8).map { UInt8(truncatingIfNeeded: self >> $0) }
    }

    /// The number whose bytes these are, the most significant one first. Bytes that do not fit are lost, as in a shift.
    public init(bigEndianBytes bytes: some Sequence<UInt8>) {
        self = bytes.reduce(0) { $0 << 8 | Self(truncatingIfNeeded: $1) }
    }
}
