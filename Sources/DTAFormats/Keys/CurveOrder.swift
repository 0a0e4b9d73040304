/// The number of points of a curve's group, which bounds the halves of an ECDSA signature.
struct CurveOrder {
    /// Big-endian.
    let bytes: [UInt8]

    // SEC 2 §2.4.1, §2.4.2, §2.5.1.
    static let secp256k1 = CurveOrder(
        0xffff_ffff_ffff_ffff, 0xffff_ffff_ffff_fffe, 0xbaae_dce6_af48_a03b, 0xbfd2_5e8c_d036_4141)
    static let p256 = CurveOrder(
        0xffff_ffff_0000_0000, 0xffff_ffff_ffff_ffff, 0xbce6_faad_a717_9e84, 0xf3b9_cac2_fc63_2551)
    static let p384 = CurveOrder(
        0xffff_ffff_ffff_ffff, 0xffff_ffff_ffff_ffff, 0xffff_ffff_ffff_ffff, 0xc763_4d81_f437_2ddf,
        0x581a_0db2_48b0_a77a, 0xecec_196a_ccc5_2973)

    private init(_ words: UInt64...) {
        bytes = words.flatMap { word in (0..<8).map { UInt8(truncatingIfNeeded: word >> UInt64(56 - 8 * $0)) } }
    }

    /// Whether a number of the same length is from 1 to the order − 1.
    func admits(_ scalar: some Collection<UInt8>) -> Bool {
        scalar.contains { $0 != 0 } && scalar.lexicographicallyPrecedes(bytes)
    }

    /// The order minus `scalar`.
    func negate(_ scalar: some BidirectionalCollection<UInt8>) -> [UInt8] {
        var borrow = 0
        var result: [UInt8] = []
        for (order, digit) in zip(bytes.reversed(), scalar.reversed()) {
            let difference = Int(order) - Int(digit) - borrow
            borrow = difference < 0 ? 1 : 0
            result.append(UInt8(difference & 0xff))
        }
        return result.reversed()
    }

    /// Whether a number is in the upper half: its negative is smaller.
    func isHigh(_ scalar: some BidirectionalCollection<UInt8>) -> Bool {
        negate(scalar).lexicographicallyPrecedes(scalar)
    }
}
