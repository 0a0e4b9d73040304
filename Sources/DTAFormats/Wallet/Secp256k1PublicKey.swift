@unsafe @preconcurrency import CSecp256k1

/// A public key of secp256k1: a point of the curve, not infinity, in its compressed form (SEC 1 §2.3.3).
public struct Secp256k1PublicKey: Hashable, Sendable, CustomStringConvertible {
    public static let byteCount = 33

    /// 02 or 03 (y is even or odd), then x, big-endian.
    public let bytes: [UInt8]

    /// - Throws: `FormatError.malformed` unless it is the 33 bytes of a compressed point on the curve.
    public init(_ bytes: [UInt8]) throws {
        var key = secp256k1_pubkey()
        // The length allows only the compressed form: the library reads others as well.
        guard bytes.count == Secp256k1PublicKey.byteCount,
            unsafe secp256k1_ec_pubkey_parse(secp256k1_context_static, &key, bytes, bytes.count) == 1
        else { throw FormatError(.malformed, "not a compressed point of secp256k1 (33 bytes, 02 or 03 first)") }
        self.bytes = bytes
    }

    /// The bytes of the library's own form.
    init(_ key: secp256k1_pubkey) {
        bytes = Secp256k1PublicKey.serialise(key, form: SECP256K1_EC_COMPRESSED, count: Secp256k1PublicKey.byteCount)
    }

    /// The x coordinate, which BIP-340 takes for the key: 32 bytes.
    public var x: [UInt8] { Array(bytes[1...]) }

    /// Whether y is even. BIP-340 means that point of the two with the same x.
    public var hasEvenY: Bool { bytes[0] == 2 }

    /// 04 ‖ x ‖ y: 65 bytes, the form of `PublicKey`.
    public var uncompressed: [UInt8] {
        get throws { Secp256k1PublicKey.serialise(try parsed(), form: SECP256K1_EC_UNCOMPRESSED, count: 65) }
    }

    /// The other point with the same x.
    public var negative: Secp256k1PublicKey {
        get throws { try Secp256k1PublicKey([bytes[0] ^ 1] + bytes[1...]) }
    }

    /// The sum of two points.
    /// - Throws: `FormatError.mismatch` if one is the other's negative: the sum is infinity and no key.
    public static func sum(_ one: Secp256k1PublicKey, _ other: Secp256k1PublicKey) throws -> Secp256k1PublicKey {
        var (first, second, sum) = (try one.parsed(), try other.parsed(), secp256k1_pubkey())
        let added = unsafe withUnsafePointer(to: &first) { a in
            unsafe withUnsafePointer(to: &second) { b in
                var points: [UnsafePointer<secp256k1_pubkey>?] = unsafe [a, b]
                return unsafe secp256k1_ec_pubkey_combine(secp256k1_context_static, &sum, &points, 2)
            }
        }
        guard added == 1 else {
            throw FormatError(.mismatch, "two points that are each other's negative have no sum: it is infinity")
        }
        return Secp256k1PublicKey(sum)
    }

    /// The point in the library's own form.
    func parsed() throws -> secp256k1_pubkey {
        var key = secp256k1_pubkey()
        guard unsafe secp256k1_ec_pubkey_parse(secp256k1_context_static, &key, bytes, bytes.count) == 1 else {
            throw FormatError(.malformed, "not a compressed point of secp256k1")
        }
        return key
    }

    /// The compressed form in hexadecimal.
    public var description: String {
        let digits = Array("0123456789abcdef")
        return String(bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] })
    }

    private static func serialise(_ key: secp256k1_pubkey, form: Int32, count: Int) -> [UInt8] {
        var (key, output, length) = (key, [UInt8](repeating: 0, count: count), count)
        // It answers 1, always (secp256k1.h): the length is the form's.
        _ = unsafe secp256k1_ec_pubkey_serialize(secp256k1_context_static, &output, &length, &key, UInt32(form))
        return output
    }
}
