import DTABytes

/// Writes the data types of RFC 4251 §5.
public struct SSHWriter: Sendable {
    public private(set) var bytes: [UInt8] = []

    public init() {}

    public mutating func byte(_ value: UInt8) { bytes.append(value) }

    public mutating func boolean(_ value: Bool) { bytes.append(value ? 1 : 0) }

    public mutating func uint32(_ value: UInt32) { bytes += value.bigEndianBytes }

    public mutating func uint64(_ value: UInt64) { bytes += value.bigEndianBytes }

    /// Bytes without a length before them.
    public mutating func raw(_ content: some Sequence<UInt8>) { bytes += content }

    public mutating func string(_ content: some Collection<UInt8>) {
        uint32(UInt32(truncatingIfNeeded: content.count))
        bytes += content
    }

    public mutating func string(_ text: String) { string(Array(text.utf8)) }

    /// A number that is not negative.
    /// - Parameter digits: its bytes, the most significant one first; zeros before it may be there.
    public mutating func number(_ digits: some Collection<UInt8>) {
        let digits = digits.drop { $0 == 0 }
        let needsZero = (digits.first ?? 0) & 0x80 != 0
        string((needsZero ? [0] : []) + Array(digits))
    }
}
