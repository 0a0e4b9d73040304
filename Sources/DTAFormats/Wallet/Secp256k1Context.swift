// The library writes through these pointers only before other code can see them.
@unsafe @preconcurrency import CSecp256k1
import DTABytes
import Glibc

/// The contexts of libsecp256k1 and what every use of a secret with it needs.
enum Secp256k1Context {
    /// For secrets: a context of our own, blinded by 32 random bytes once, when it is made, before it is used. From
    /// then on the library only reads it, so threads share it.
    nonisolated(unsafe) static let blinded: OpaquePointer = {
        guard let context = unsafe secp256k1_context_create(UInt32(SECP256K1_CONTEXT_NONE)) else {
            // Without the few hundred bytes of a context, the library itself would abort as well.
            abort()
        }
        unsafe Secret.random(count: 32).withUnsafeBytes { seed in
            // It answers 1, always (secp256k1.h).
            _ = unsafe secp256k1_context_randomize(context, seed.baseAddress)
        }
        return unsafe context
    }()

    /// Zeroes one of the library's structures.
    static func erase(_ keypair: inout secp256k1_keypair) {
        unsafe withUnsafeMutableBytes(of: &keypair) { buffer in
            if let base = buffer.baseAddress { unsafe explicit_bzero(base, buffer.count) }
        }
    }
}
