/// ECDSA has two signatures for each, s and n − s: the smaller one is the one that Bitcoin (BIP 146) and D-TA's own
/// documents take. The numbers are public; this need not be constant time.
enum LowS {
    /// The order n of secp256k1 (SEC 2, 2.4.1).
    static let secp256k1: [UInt8] = [
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe,
        0xba, 0xae, 0xdc, 0xe6, 0xaf, 0x48, 0xa0, 0x3b, 0xbf, 0xd2, 0x5e, 0x8c, 0xd0, 0x36, 0x41, 0x41,
    ]
    /// The order n of P-256 (SEC 2, 2.4.2).
    static let p256: [UInt8] = [
        0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
        0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
    ]

    /// r ‖ s with the smaller s; all numbers are 32 bytes, big-endian.
    static func normalise(_ signature: [UInt8], order: [UInt8]) -> [UInt8] {
        let s = Array(signature.suffix(32))
        let other = subtract(s, from: order)
        return other.lexicographicallyPrecedes(s) ? signature.prefix(32) + other : signature
    }

    private static func subtract(_ small: [UInt8], from large: [UInt8]) -> [UInt8] {
        var result = large
        var borrow = 0
        for index in result.indices.reversed() {
            let difference = Int(large[index]) - Int(small[index]) - borrow
            borrow = difference < 0 ? 1 : 0
            result[index] = UInt8(truncatingIfNeeded: difference)
        }
        return result
    }
}
