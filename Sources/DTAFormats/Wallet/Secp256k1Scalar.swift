@unsafe @preconcurrency import CSecp256k1
import FoundationEssentials
import Glibc

/// A secret key of secp256k1: a number from 1 to the order − 1, 32 bytes big-endian.
///
/// Its memory is zeroed when the last reference goes. It has no description, is not `Codable`, and libsecp256k1 does
/// all computations with it, in a time that does not depend on it.
@safe public final class Secp256k1Scalar: @unchecked Sendable {
    // Sendable: the bytes are written only in initialisers, before other code can have the reference.
    private let base: UnsafeMutableRawPointer

    public static let byteCount = 32

    /// Takes a copy of 32 bytes, big-endian. The caller wipes their source.
    /// - Throws: `FormatError.malformed` for another length, for zero, and for numbers of the order and above: a caller
    ///   that draws seeds draws again.
    public init(_ bytes: some ContiguousBytes) throws {
        unsafe base = UnsafeMutableRawPointer.allocate(byteCount: Secp256k1Scalar.byteCount, alignment: 16)
        let target = unsafe base
        let fits = unsafe bytes.withUnsafeBytes { source in
            guard source.count == Secp256k1Scalar.byteCount, let start = source.baseAddress else { return false }
            unsafe target.copyMemory(from: start, byteCount: Secp256k1Scalar.byteCount)
            return unsafe secp256k1_ec_seckey_verify(Secp256k1Context.blinded, target) == 1
        }
        // All is set by now, so deinit runs, and zeroes, also if this throws.
        guard fits else {
            throw FormatError(.malformed, "a secret key of secp256k1 has 32 bytes and is from 1 to the order - 1")
        }
    }

    /// A new one from the system's generator of random numbers.
    public static func generate() -> Secp256k1Scalar {
        while true {
            var bytes = Secp256k1Context.random32()
            defer { Secp256k1Context.erase(&bytes) }
            // Less than one in 2^127 is not in the range.
            if let scalar = try? Secp256k1Scalar(bytes) { return scalar }
        }
    }

    deinit {
        unsafe explicit_bzero(base, Secp256k1Scalar.byteCount)
        unsafe base.deallocate()
    }

    /// The 32 bytes, only while `body` runs.
    public func withUnsafeBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
        try unsafe body(UnsafeRawBufferPointer(start: base, count: Secp256k1Scalar.byteCount))
    }

    /// The scalar times the generator.
    public var publicKey: Secp256k1PublicKey {
        var key = secp256k1_pubkey()
        // It answers 0 only for numbers that the initialiser refuses.
        _ = unsafe secp256k1_ec_pubkey_create(Secp256k1Context.blinded, &key, base)
        return Secp256k1PublicKey(key)
    }

    /// The sum of two, modulo the order. Its public key is the sum of theirs.
    /// - Throws: `FormatError.mismatch` if one is the other's negative: the sum is zero and no key.
    public static func sum(_ one: Secp256k1Scalar, _ other: Secp256k1Scalar) throws -> Secp256k1Scalar {
        var bytes = unsafe one.withUnsafeBytes { unsafe Array($0) }
        defer { Secp256k1Context.erase(&bytes) }
        guard unsafe secp256k1_ec_seckey_tweak_add(Secp256k1Context.blinded, &bytes, other.base) == 1 else {
            throw FormatError(.mismatch, "two secret keys that are each other's negative have no sum")
        }
        return try Secp256k1Scalar(bytes)
    }
}
