import Crypto
import DTABytes
import DTASystem

/// The record of a PIN that a token refused. Real HSMs destroy their keys after a few wrong ones.
///
/// It does not hold the PIN, but is enough to recognise it: a slow, salted hash of 32 bits. A reader who tries PINs
/// against it finds this wrong one, among others with the same hash.
struct RefusedPIN: Equatable {
    private static let kind = "dta/refused-pin/1"
    private static let iterations = 50_000

    private let serial: [UInt8]
    private let salt: [UInt8]
    private let hash: [UInt8]

    init(_ pin: SecretBytes, serial: String) {
        self.serial = Array(serial.utf8)
        salt = (0..<16).map { _ in UInt8.random(in: 0...255) }
        hash = RefusedPIN.hash(pin, salt: salt)
    }

    /// - Parameter lines: of its text; further lines are ignored.
    init?(_ lines: some Collection<Substring>) {
        let lines = Array(lines)
        guard lines.count > 4, lines[0] == Self.kind, let serial = Hexadecimal.decode(lines[1]),
            let salt = Hexadecimal.decode(lines[2]), let hash = Hexadecimal.decode(lines[3]), hash.count == 4
        else { return nil }
        (self.serial, self.salt, self.hash) = (serial, salt, hash)
    }

    var text: String {
        [Self.kind, Hexadecimal.encode(serial), Hexadecimal.encode(salt), Hexadecimal.encode(hash)].map { $0 + "\n" }
            .joined()
    }

    /// Whether this is the refused PIN of that token; the check takes a tenth of a second.
    func matches(_ pin: SecretBytes, serial: String) -> Bool {
        self.serial == Array(serial.utf8) && RefusedPIN.hash(pin, salt: salt) == hash
    }

    /// PBKDF2 with HMAC-SHA256 (RFC 8018 §5.2): the first block, cut to 32 bits.
    static func hash(_ pin: SecretBytes, salt: [UInt8]) -> [UInt8] {
        let key = pin.withUnsafeBytes { SymmetricKey(data: $0) }
        var last = Array(HMAC<SHA256>.authenticationCode(for: salt + [0, 0, 0, 1], using: key))
        var sum = last
        for _ in 1..<iterations {
            last = Array(HMAC<SHA256>.authenticationCode(for: last, using: key))
            for index in sum.indices { sum[index] ^= last[index] }
        }
        return Array(sum.prefix(4))
    }
}
