import Crypto
import DTABytes

/// The padding of RSAES-OAEP with SHA-256 and MGF1 with SHA-256 (RFC 8017 §7.1.2), for tokens that have the bare power
/// only.
enum OAEP {
    private static let hashSize = 32

    /// The message in a padded number; nil if the padding is not right.
    ///
    /// Which part of it is wrong must not be seen, not even by the time it takes (Manger, 2001): all checks are made, and
    /// their results are combined without a branch. Only the length of a right message can be seen.
    /// - Parameter padded: as long as the modulus.
    static func remove(from padded: borrowing Secret, label: [UInt8]) -> SecretReference? {
        let size = padded.count
        let dataSize = size - 1 - hashSize
        // Smaller moduli have no room for the padding.
        guard dataSize >= hashSize + 1 else { return nil }
        var block = padded.withBytes { Secret(copying: $0) }
        let labelHash = Array(SHA256.hash(data: label))
        return block.withUnsafeMutableBytes { bytes -> SecretReference? in
            let seed = UnsafeMutableRawBufferPointer(rebasing: bytes[1..<1 + hashSize])
            let data = UnsafeMutableRawBufferPointer(rebasing: bytes[(1 + hashSize)...])
            mask(seed, with: UnsafeRawBufferPointer(data))
            mask(data, with: UnsafeRawBufferPointer(seed))
            var wrong = bytes[0]
            for index in 0..<hashSize { wrong |= data[index] ^ labelHash[index] }
            // After the hash: zeros, a one, and the message. `searching` is all ones until the one was seen.
            var searching: UInt64 = .max
            var start: UInt64 = 0
            for index in hashSize..<dataSize {
                let isZero = isZeroMask(data[index])
                let isOne = isZeroMask(data[index] ^ 1)
                start |= searching & isOne & UInt64(truncatingIfNeeded: index + 1)
                wrong |= UInt8(truncatingIfNeeded: searching & ~isZero & ~isOne)
                searching &= ~isOne
            }
            wrong |= UInt8(truncatingIfNeeded: searching)
            guard wrong == 0, let first = Int(exactly: start), first <= dataSize else { return nil }
            return SecretReference(Secret(copying: data.bindMemory(to: UInt8.self).span.extracting(first..<dataSize)))
        }
    }

    /// All ones if a byte is 0, else 0.
    private static func isZeroMask(_ byte: UInt8) -> UInt64 {
        // The subtraction borrows from the top bit only if the byte is 0.
        0 &- ((UInt64(byte) &- 1) >> 63)
    }

    /// target ⊕ MGF1(seed), with SHA-256 (RFC 8017 §B.2.1).
    private static func mask(_ target: UnsafeMutableRawBufferPointer, with seed: UnsafeRawBufferPointer) {
        var counter: UInt32 = 0
        var at = 0
        while at < target.count {
            var hash = SHA256()
            hash.update(bufferPointer: seed)
            hash.update(data: counter.bigEndianBytes)
            let digest = hash.finalize()
            digest.withUnsafeBytes { pad in
                for byte in pad where at < target.count {
                    target[at] ^= byte
                    at += 1
                }
            }
            counter += 1
        }
    }
}
