import Crypto
import DTABytes

/// Base58Check, Bitcoin's older text form: big-endian digits of 1…9, A…Z without I and O, a…z without l; a leading zero
/// byte is a 1; four bytes of the doubled SHA-256 at the end.
///
/// Secret keys have this form too. The time taken depends on lengths, and on leading zero bytes, of which keys have
/// none.
enum Base58Check {
    /// Letters. An address has 35 at most, a secret key 52; the bound keeps the work, which grows with the square,
    /// small.
    private static let limit = 64
    private static let checksumSize = 4

    /// - Returns: ASCII.
    static func encode(_ payload: [UInt8]) -> [UInt8] {
        var bytes = payload + checksum(payload)
        // 1.38 digits a byte, rounded up.
        var digits = [UInt8](repeating: 0, count: bytes.count * 138 / 100 + 1)
        defer {
            wipe(&bytes)
            wipe(&digits)
        }
        for byte in bytes {
            var carry = UInt32(byte)
            for index in digits.indices.reversed() {
                carry += UInt32(digits[index]) << 8
                // carry / 58, exact below 16,384, without an instruction whose time depends on the number.
                let quotient = (carry &* 36158) >> 21
                digits[index] = UInt8(truncatingIfNeeded: carry &- quotient &* 58)
                carry = quotient
            }
        }
        let zeros = payload.prefix { $0 == 0 }.count
        return [UInt8](repeating: letter(0), count: zeros) + digits.drop { $0 == 0 }.map(letter)
    }

    /// - Returns: the payload, which the caller wipes if it is a secret.
    /// - Throws: `FormatError.malformed` for other letters, and for a wrong checksum. The sentence holds no part of the
    ///   text.
    static func decode(_ text: some Collection<UInt8>) throws -> [UInt8] {
        guard (1...limit).contains(text.count) else {
            throw FormatError(.malformed, "a text in base58 has up to \(limit) letters here")
        }
        var bytes = [UInt8](repeating: 0, count: text.count)
        defer { wipe(&bytes) }
        var isBad = false
        for letter in text {
            let (digit, isDigit) = digit(letter)
            isBad = isBad || !isDigit
            var carry = UInt32(digit)
            for index in bytes.indices.reversed() {
                carry += UInt32(bytes[index]) &* 58
                bytes[index] = UInt8(truncatingIfNeeded: carry)
                carry >>= 8
            }
        }
        guard !isBad else { throw FormatError(.malformed, "a letter that base58 does not have") }
        let zeros = text.prefix { $0 == letter(0) }.count
        let number = bytes.drop { $0 == 0 }
        guard zeros + number.count >= checksumSize else { throw FormatError(.malformed, "too short for its checksum") }
        let payload = Array(([UInt8](repeating: 0, count: zeros) + number).dropLast(checksumSize))
        let sums = zip(checksum(payload), bytes.suffix(checksumSize))
        guard sums.reduce(UInt8(0), { $0 | ($1.0 ^ $1.1) }) == 0 else {
            throw FormatError(.malformed, "the checksum does not fit: a letter is wrong or missing")
        }
        return payload
    }

    private static func checksum(_ payload: [UInt8]) -> [UInt8] {
        Array(SHA256.hash(data: Array(SHA256.hash(data: payload))).prefix(checksumSize))
    }

    /// 1 if `value` is more than `bound`, else 0.
    private static func over(_ bound: Int, _ value: Int) -> Int { (bound - value) >> 63 & 1 }

    /// The letter of a digit, computed, not looked up, because the cache shows which line of a table was read.
    private static func letter(_ digit: UInt8) -> UInt8 {
        let value = Int(digit)
        // The steps where the alphabet skips characters of ASCII: to A, past I, past O, to a, past l.
        let gaps =
            7 * over(8, value) + over(16, value) + over(21, value) + 6 * over(32, value) + over(43, value)
        return UInt8(truncatingIfNeeded: 49 + value + gaps)
    }

    private static func digit(_ letter: UInt8) -> (digit: UInt8, isDigit: Bool) {
        var (digit, found) = (0, 0)
        for candidate in 0..<58 {
            let difference = Int(letter ^ Base58Check.letter(UInt8(candidate)))
            // All ones if they are the same.
            let mask = (difference - 1) >> 63
            digit |= candidate & mask
            found |= mask & 1
        }
        return (UInt8(truncatingIfNeeded: digit), found == 1)
    }
}
