/// RIPEMD-160 (Dobbertin, Bosselaers and Preneel, 1996), for Bitcoin's older addresses. Nothing here is secret: it
/// hashes the SHA-256 of a public key.
enum RIPEMD160 {
    /// - Returns: 20 bytes.
    static func hash(_ message: [UInt8]) -> [UInt8] {
        var state: [UInt32] = [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476, 0xc3d2_e1f0]
        // One bit, zeros, and the length in bits, little-endian, to whole blocks of 64 bytes.
        var padded = message + [0x80]
        padded += [UInt8](repeating: 0, count: (120 - padded.count % 64) % 64)
        let bits = UInt64(message.count) * 8
        padded += (0..<8).map { UInt8(truncatingIfNeeded: bits >> UInt64(8 * $0)) }
        for start in stride(from: 0, to: padded.count, by: 64) {
            let words = (0..<16).map { word in
                (0..<4).reduce(UInt32(0)) { $0 | UInt32(padded[start + 4 * word + $1]) << UInt32(8 * $1) }
            }
            let (left, right) = (leftLine.run(words, from: state), rightLine.run(words, from: state))
            // The lines' results are added to the state one place further each.
            let old = state
            for index in 0..<5 {
                state[index] = old[(index + 1) % 5] &+ left[(index + 2) % 5] &+ right[(index + 3) % 5]
            }
        }
        return state.flatMap { word in (0..<4).map { UInt8(truncatingIfNeeded: word >> UInt32(8 * $0)) } }
    }

    /// One of the two lines of five rounds of 16 steps.
    private struct Line {
        /// The word of the message that each step takes, and how far it rotates.
        let words: [Int]
        let rotations: [UInt32]
        /// One number and one function a round.
        let constants: [UInt32]
        let functions: [@Sendable (UInt32, UInt32, UInt32) -> UInt32]

        func run(_ message: [UInt32], from state: [UInt32]) -> [UInt32] {
            var (a, b, c, d, e) = (state[0], state[1], state[2], state[3], state[4])
            for step in 0..<80 {
                let sum =
                    a &+ functions[step / 16](b, c, d) &+ message[words[step]] &+ constants[step / 16]
                let turned = RIPEMD160.rotate(sum, rotations[step]) &+ e
                (a, b, c, d, e) = (e, turned, b, RIPEMD160.rotate(c, 10), d)
            }
            return [a, b, c, d, e]
        }
    }

    private static func rotate(_ word: UInt32, _ count: UInt32) -> UInt32 { word << count | word >> (32 - count) }

    private static let functions: [@Sendable (UInt32, UInt32, UInt32) -> UInt32] = [
        { $0 ^ $1 ^ $2 }, { $0 & $1 | ~$0 & $2 }, { ($0 | ~$1) ^ $2 }, { $0 & $2 | $1 & ~$2 }, { $0 ^ ($1 | ~$2) },
    ]

    private static let leftLine = Line(
        words: [
            0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15,
            7, 4, 13, 1, 10, 6, 15, 3, 12, 0, 9, 5, 2, 14, 11, 8,
            3, 10, 14, 4, 9, 15, 8, 1, 2, 7, 0, 6, 13, 11, 5, 12,
            1, 9, 11, 10, 0, 8, 12, 4, 13, 3, 7, 15, 14, 5, 6, 2,
            4, 0, 5, 9, 7, 12, 2, 10, 14, 1, 3, 8, 11, 6, 15, 13,
        ],
        rotations: [
            11, 14, 15, 12, 5, 8, 7, 9, 11, 13, 14, 15, 6, 7, 9, 8,
            7, 6, 8, 13, 11, 9, 7, 15, 7, 12, 15, 9, 11, 7, 13, 12,
            11, 13, 6, 7, 14, 9, 13, 15, 14, 8, 13, 6, 5, 12, 7, 5,
            11, 12, 14, 15, 14, 15, 9, 8, 9, 14, 5, 6, 8, 6, 5, 12,
            9, 15, 5, 11, 6, 8, 13, 12, 5, 12, 13, 14, 11, 8, 5, 6,
        ],
        constants: [0, 0x5a82_7999, 0x6ed9_eba1, 0x8f1b_bcdc, 0xa953_fd4e], functions: functions)

    private static let rightLine = Line(
        words: [
            5, 14, 7, 0, 9, 2, 11, 4, 13, 6, 15, 8, 1, 10, 3, 12,
            6, 11, 3, 7, 0, 13, 5, 10, 14, 15, 8, 12, 4, 9, 1, 2,
            15, 5, 1, 3, 7, 14, 6, 9, 11, 8, 12, 2, 10, 0, 4, 13,
            8, 6, 4, 1, 3, 11, 15, 0, 5, 12, 2, 13, 9, 7, 10, 14,
            12, 15, 10, 4, 1, 5, 8, 7, 6, 2, 13, 14, 0, 3, 9, 11,
        ],
        rotations: [
            8, 9, 9, 11, 13, 15, 15, 5, 7, 7, 8, 11, 14, 14, 12, 6,
            9, 13, 15, 7, 12, 8, 9, 11, 7, 7, 12, 7, 6, 15, 13, 11,
            9, 7, 15, 11, 8, 6, 6, 14, 12, 13, 5, 14, 13, 13, 7, 5,
            15, 5, 8, 11, 14, 14, 6, 14, 6, 9, 12, 9, 12, 5, 15, 8,
            8, 5, 12, 9, 12, 5, 14, 6, 8, 13, 6, 5, 15, 13, 11, 11,
        ],
        constants: [0x50a2_8be6, 0x5c4d_d124, 0x6d70_3ef3, 0x7a6d_76e9, 0], functions: functions.reversed())
}
