/// An ECDSA signature in its two spellings: raw r ‖ s of fixed length (PKCS#11, JOSE, IEEE P1363) and DER (X.509,
/// OpenSSL: `SEQUENCE { INTEGER r, INTEGER s }`). Both halves are from 1 to the curve's order − 1.
public struct ECDSASignature: Hashable, Sendable {
    public let algorithm: PublicKey.Algorithm
    /// r ‖ s, big-endian: 64 bytes, for P-384 96.
    public let raw: [UInt8]
    private let order: CurveOrder

    private var half: Int { raw.count / 2 }

    /// - Throws: `FormatError` for a wrong length, or a half that no signature has.
    public init(raw: [UInt8], algorithm: PublicKey.Algorithm) throws {
        let order = try ECDSASignature.order(of: algorithm)
        guard raw.count == 2 * order.bytes.count else {
            throw FormatError(
                .malformed, "a raw \(algorithm) signature has \(2 * order.bytes.count) bytes, not \(raw.count)")
        }
        guard order.admits(raw[..<order.bytes.count]), order.admits(raw[order.bytes.count...]) else {
            throw FormatError(.malformed, "the halves of an ECDSA signature are from 1 to the curve's order - 1")
        }
        self.algorithm = algorithm
        self.raw = raw
        self.order = order
    }

    /// - Throws: `FormatError` for everything but the one minimal DER encoding.
    public init(der: [UInt8], algorithm: PublicKey.Algorithm) throws {
        let size = try ECDSASignature.order(of: algorithm).bytes.count
        var rest = der[...]
        // A sequence of two integers of at most 49 bytes has a length below 128: one byte.
        guard rest.popFirst() == 0x30, let length = rest.popFirst(), length < 0x80, Int(length) == rest.count else {
            throw FormatError(.malformed, "a DER signature is one sequence of two integers, and nothing after it")
        }
        let r = try ECDSASignature.integer(&rest, size: size)
        let s = try ECDSASignature.integer(&rest, size: size)
        guard rest.isEmpty else { throw FormatError(.malformed, "there are bytes after a DER signature") }
        try self.init(raw: r + s, algorithm: algorithm)
    }

    /// Minimal DER.
    public var der: [UInt8] {
        let content = ECDSASignature.integer(raw[..<half]) + ECDSASignature.integer(raw[half...])
        return [0x30, UInt8(content.count)] + content
    }

    /// Whether s is in the lower half of the order. s and its negative are equally valid; documents, Bitcoin and
    /// libsecp256k1 accept only the lower one.
    public var isLowS: Bool { !order.isHigh(raw[half...]) }

    /// The same signature with s in the lower half.
    public var lowS: ECDSASignature {
        isLowS ? self : ECDSASignature(algorithm, raw[..<half] + order.negate(raw[half...]), order)
    }

    private init(_ algorithm: PublicKey.Algorithm, _ raw: ArraySlice<UInt8>, _ order: CurveOrder) {
        self.algorithm = algorithm
        self.raw = Array(raw)
        self.order = order
    }

    public static func == (one: ECDSASignature, other: ECDSASignature) -> Bool {
        one.algorithm == other.algorithm && one.raw == other.raw
    }

    public func hash(into hasher: inout Hasher) {
        hasher.combine(algorithm)
        hasher.combine(raw)
    }

    private static func order(of algorithm: PublicKey.Algorithm) throws -> CurveOrder {
        guard let order = algorithm.order else {
            throw FormatError(
                .invalidArgument, "\(algorithm) signatures are not ECDSA: they have one form")
        }
        return order
    }

    private static func integer(_ number: ArraySlice<UInt8>) -> [UInt8] {
        var digits = Array(number.drop { $0 == 0 })
        if digits.first.map({ $0 >= 0x80 }) ?? true { digits.insert(0, at: 0) }
        return [0x02, UInt8(digits.count)] + digits
    }

    /// Takes one positive, minimal INTEGER and gives it back with `size` bytes.
    private static func integer(_ rest: inout ArraySlice<UInt8>, size: Int) throws -> [UInt8] {
        guard rest.popFirst() == 0x02, let length = rest.popFirst().map(Int.init), length > 0, length <= rest.count
        else { throw FormatError(.malformed, "a DER signature is one sequence of two integers, and nothing after it") }
        let digits = rest.prefix(length)
        rest = rest.dropFirst(length)
        let (first, second) = (digits[digits.startIndex], digits.dropFirst().first)
        guard first < 0x80 else { throw FormatError(.malformed, "a number in a DER signature is negative") }
        if first == 0, let second, second < 0x80 {
            throw FormatError(.notCanonical, "a number in a DER signature has more zeros before it than it needs")
        }
        let magnitude = first == 0 ? digits.dropFirst() : digits
        guard magnitude.count <= size else {
            throw FormatError(.malformed, "a number in a DER signature is too large for the curve")
        }
        return [UInt8](repeating: 0, count: size - magnitude.count) + magnitude
    }
}
