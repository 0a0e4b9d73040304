/// Which encodings of Edwards25519 points are taken as public keys.
enum Ed25519Point {
    // y of the points whose order divides 8, little-endian, without the sign of x. Under such a key, one signature fits
    // many messages, so its owner could deny what was signed.
    private static let smallOrder: [[UInt8]] = [
        [0] + zeros(31),
        [1] + zeros(31),
        [0xec] + [UInt8](repeating: 0xff, count: 30) + [0x7f],
        [
            0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0, 0xd5, 0xdf,
            0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05,
        ],
        [
            0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f, 0x2a, 0x20,
            0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a,
        ],
    ]
    // 2^255 − 19, little-endian.
    private static let prime = [0xed] + [UInt8](repeating: 0xff, count: 30) + [0x7f]

    private static func zeros(_ count: Int) -> [UInt8] { [UInt8](repeating: 0, count: count) }

    /// Refuses what RFC 8032 §5.1.3 does not decode, and points of small order. The encoding of the point with x = 0
    /// and a sign is among the latter, whose signs are ignored.
    static func check(_ raw: [UInt8]) throws {
        guard raw.count == 32 else {
            throw FormatError(.malformed, "an ed25519 public key has 32 bytes, not \(raw.count)")
        }
        var y = raw
        y[31] &= 0x7f
        guard y.reversed().lexicographicallyPrecedes(prime.reversed()) else {
            throw FormatError(.notCanonical, "an ed25519 public key that is not reduced")
        }
        guard !smallOrder.contains(y) else {
            throw FormatError(.malformed, "an ed25519 public key of small order, under which signatures prove nothing")
        }
        guard isOnCurve(Field25519(y)) else {
            throw FormatError(.malformed, "an ed25519 public key that is no point of the curve")
        }
    }

    /// Whether there is an x to a y: x² = (y² − 1) / (d·y² + 1). The divisor is never 0, and a quotient is a square if
    /// the product is one.
    private static func isOnCurve(_ y: Field25519) -> Bool {
        let square = y * y
        return ((square - .one) * (Field25519.d * square + .one)).isSquare
    }
}
