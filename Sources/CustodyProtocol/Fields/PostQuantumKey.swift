/// The ML-DSA-65 key of an identity. No token makes such keys yet: its seed leaves dtad-hsm sealed, and bound to the
/// signing key for which it was made.
public struct PostQuantumKey: Sendable, Equatable {
    /// 1952 bytes (FIPS 204, table 2).
    public var publicKey: [UInt8]
    /// The seed of 32 bytes, a sealed blob.
    public var sealedSeed: [UInt8]

    public static let publicKeySize = 1952
    public static let signatureSize = 3309

    public init(publicKey: [UInt8], sealedSeed: [UInt8]) {
        self.publicKey = publicKey
        self.sealedSeed = sealedSeed
    }
}

extension CustodyWriter {
    /// Two fields.
    mutating func field(_ key: PostQuantumKey) {
        field(key.publicKey)
        field(key.sealedSeed)
    }
}

extension CustodyReader {
    mutating func postQuantumKey(seedAtMost limit: Int) throws -> PostQuantumKey {
        PostQuantumKey(
            publicKey: try field(exactly: PostQuantumKey.publicKeySize), sealedSeed: try field(atMost: limit))
    }
}
