/// A number modulo 2^255 − 19, for judging public keys: nothing here is secret, so nothing takes constant time.
struct Field25519 {
    private static let mask: UInt64 = (1 << 51) - 1

    /// In radix 2^51; each limb is below 2^52.
    private var limbs: (UInt64, UInt64, UInt64, UInt64, UInt64)

    static let one = Field25519((1, 0, 0, 0, 0))
    /// The constant of Edwards25519: −121665/121666 (RFC 8032 §5.1).
    static let d = Field25519(
        (929_955_233_495_203, 466_365_720_129_213, 1_662_059_464_998_953, 2_033_849_074_728_123, 1_442_794_654_840_575))

    private init(_ limbs: (UInt64, UInt64, UInt64, UInt64, UInt64)) { self.limbs = limbs }

    /// - Parameter bytes: 32 bytes, little-endian; their highest bit is ignored.
    init(_ bytes: [UInt8]) {
        func word(_ start: Int) -> UInt64 {
            (0..<8).reduce(0) { $0 | UInt64(bytes[start + $1]) << UInt64(8 * $1) }
        }
        let words = (word(0), word(8), word(16), word(24))
        limbs = (
            words.0 & Field25519.mask, (words.0 >> 51 | words.1 << 13) & Field25519.mask,
            (words.1 >> 38 | words.2 << 26) & Field25519.mask, (words.2 >> 25 | words.3 << 39) & Field25519.mask,
            words.3 >> 12 & Field25519.mask
        )
    }

    static func + (one: Field25519, other: Field25519) -> Field25519 {
        let (a, b) = (one.limbs, other.limbs)
        return Field25519((a.0 + b.0, a.1 + b.1, a.2 + b.2, a.3 + b.3, a.4 + b.4)).carried
    }

    static func - (one: Field25519, other: Field25519) -> Field25519 {
        // Twice the modulus is added first, so that no limb goes below zero.
        let (a, b) = (one.limbs, other.limbs)
        let (low, high): (UInt64, UInt64) = (2 * (1 << 51) - 38, 2 * (1 << 51) - 2)
        return Field25519(
            (a.0 + low - b.0, a.1 + high - b.1, a.2 + high - b.2, a.3 + high - b.3, a.4 + high - b.4)
        ).carried
    }

    static func * (one: Field25519, other: Field25519) -> Field25519 {
        let a = (
            UInt128(one.limbs.0), UInt128(one.limbs.1), UInt128(one.limbs.2), UInt128(one.limbs.3),
            UInt128(one.limbs.4)
        )
        let b = (
            UInt128(other.limbs.0), UInt128(other.limbs.1), UInt128(other.limbs.2), UInt128(other.limbs.3),
            UInt128(other.limbs.4)
        )
        // 2^255 is 19. A product of limbs has 104 bits at most, so that five of them with 19 before them fit.
        var r0 = a.0 * b.0
        r0 += 19 * (a.1 * b.4 + a.2 * b.3)
        r0 += 19 * (a.3 * b.2 + a.4 * b.1)
        var r1 = a.0 * b.1 + a.1 * b.0
        r1 += 19 * (a.2 * b.4 + a.3 * b.3 + a.4 * b.2)
        var r2 = a.0 * b.2 + a.1 * b.1 + a.2 * b.0
        r2 += 19 * (a.3 * b.4 + a.4 * b.3)
        var r3 = a.0 * b.3 + a.1 * b.2
        r3 += a.2 * b.1 + a.3 * b.0
        r3 += 19 * (a.4 * b.4)
        var r4 = a.0 * b.4 + a.1 * b.3 + a.2 * b.2
        r4 += a.3 * b.1 + a.4 * b.0
        let mask = UInt128(Field25519.mask)
        r1 += r0 >> 51
        r2 += r1 >> 51
        r3 += r2 >> 51
        r4 += r3 >> 51
        let first = (r0 & mask) + 19 * (r4 >> 51)
        return Field25519(
            (
                UInt64(first & mask), UInt64((r1 & mask) + first >> 51), UInt64(r2 & mask), UInt64(r3 & mask),
                UInt64(r4 & mask)
            )
        ).carried
    }

    private var carried: Field25519 {
        var (a, b, c, d, e) = limbs
        b += a >> 51
        c += b >> 51
        d += c >> 51
        e += d >> 51
        a = a & Field25519.mask + 19 * (e >> 51)
        return Field25519(
            (a, b & Field25519.mask, c & Field25519.mask, d & Field25519.mask, e & Field25519.mask))
    }

    /// Euler's criterion: a number is a square if its power of (p − 1)/2, which is 2^254 − 10, is 0 or 1.
    var isSquare: Bool {
        var power = Field25519.one
        for bit in (0..<254).reversed() {
            power = power * power
            // The lowest bits of the exponent are 0110.
            if bit >= 4 || bit == 2 || bit == 1 { power = power * self }
        }
        return power.isZero || (power - Field25519.one).isZero
    }

    private var isZero: Bool {
        // Below twice the modulus, so it is 0 or the modulus.
        let least = carried.carried.limbs
        let isNothing = least == (0, 0, 0, 0, 0)
        let whole = Field25519.mask
        return isNothing || least == (whole - 18, whole, whole, whole, whole)
    }
}
