/// Unsigned variable-length integers as multiformats have them (https://github.com/multiformats/unsigned-varint): seven
/// bits to a byte, the lowest first, nine bytes at most, in the shortest form.
enum UnsignedVarint {
    static let maximumSize = 9

    static func encode(_ number: UInt64) -> [UInt8] {
        var bytes: [UInt8] = []
        var rest = number
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(rest))
        return bytes
    }

    /// - Parameter next: the next byte; it throws if there is none.
    /// - Throws: `FormatError` for more than nine bytes, and for a form that is not the shortest.
    static func decode(_ next: () throws -> UInt8) throws -> UInt64 {
        var number: UInt64 = 0
        for index in 0..<maximumSize {
            let byte = try next()
            number |= UInt64(byte & 0x7f) << UInt64(7 * index)
            guard byte & 0x80 == 0 else { continue }
            guard byte != 0 || index == 0 else {
                throw FormatError(.notCanonical, "a variable-length integer is not in its shortest form")
            }
            return number
        }
        throw FormatError(.malformed, "a variable-length integer has \(maximumSize) bytes at most")
    }
}
