@unsafe @preconcurrency import CSecp256k1
import DTABytes
import FoundationEssentials

/// A secret key of secp256k1: a number from 1 to the order − 1, 32 bytes big-endian.
///
/// A reference to a `Secret`, which is zeroed when the last one goes. It has no description, is not `Codable`, and all
/// that is computed with it is libsecp256k1's, in a time that does not depend on it.
public final class Secp256k1Scalar: Sendable {
    private let secret: Secret

    public static let byteCount = 32

    /// Takes a copy of 32 bytes, big-endian. What they came from is the caller's to wipe.
    /// - Throws: `FormatError.malformed` for another length, for zero, and for numbers of the order and above: who
    ///   draws seeds draws again.
    public convenience init(_ bytes: some ContiguousBytes) throws {
        var secret = unsafe Secret(count: 0) { _ in }
        unsafe bytes.withUnsafeBytes { unsafe secret = Secret(copying: $0) }
        try self.init(secret)
    }

    /// Takes over 32 bytes, big-endian.
    /// - Throws: as above.
    public init(_ secret: consuming Secret) throws {
        let fits = unsafe secret.withUnsafeBytes { bytes in
            guard bytes.count == Secp256k1Scalar.byteCount, let start = bytes.baseAddress else { return false }
            return unsafe secp256k1_ec_seckey_verify(Secp256k1Context.blinded, start) == 1
        }
        guard fits else {
            throw FormatError(.malformed, "a secret key of secp256k1 has 32 bytes and is from 1 to the order - 1")
        }
        self.secret = secret
    }

    /// A new one from the system's generator of random numbers.
    public static func generate() -> Secp256k1Scalar {
        while true {
            // Less than one in 2^127 is not in the range.
            if let scalar = try? Secp256k1Scalar(Secret.random(count: byteCount)) { return scalar }
        }
    }

    /// The 32 bytes, only while `body` runs.
    public func withUnsafeBytes<Result: ~Copyable, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try unsafe secret.withUnsafeBytes(body)
    }

    /// The scalar times the generator.
    public var publicKey: Secp256k1PublicKey {
        var key = secp256k1_pubkey()
        unsafe withUnsafeBytes { bytes in
            // It answers 0 only for what the initialiser refuses.
            if let start = bytes.baseAddress {
                _ = unsafe secp256k1_ec_pubkey_create(Secp256k1Context.blinded, &key, start)
            }
        }
        return Secp256k1PublicKey(key)
    }

    /// The sum of two, modulo the order. Its public key is the sum of theirs.
    /// - Throws: `FormatError.mismatch` if one is the other's negative: the sum is zero and no key.
    public static func sum(_ one: Secp256k1Scalar, _ other: Secp256k1Scalar) throws -> Secp256k1Scalar {
        var sum = one.secret.withBytes { Secret(copying: $0) }
        let isKey = unsafe sum.withUnsafeMutableBytes { sum in
            unsafe other.withUnsafeBytes { other in
                guard let sum = sum.baseAddress, let other = other.baseAddress else { return false }
                return unsafe secp256k1_ec_seckey_tweak_add(Secp256k1Context.blinded, sum, other) == 1
            }
        }
        guard isKey else {
            throw FormatError(.mismatch, "two secret keys that are each other's negative have no sum")
        }
        return try Secp256k1Scalar(sum)
    }
}
