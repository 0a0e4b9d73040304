import Crypto

/// The public half of an offline key that can revoke an identity, or rotate it with priority. An identity names it by
/// `fingerprint` only, so that the key is not known before it is used.
public struct RecoveryKey: Hashable, Sendable {
    /// Ed25519, 32 bytes.
    public let raw: [UInt8]

    /// - Throws: `FormatError` unless these are the bytes of an Ed25519 public key.
    public init(raw: [UInt8]) throws { self.raw = try PublicKey(.ed25519, raw: raw).raw }

    /// SHA-256 of the key: 32 bytes, as an identity's field `recovery`.
    public var fingerprint: [UInt8] { Array(SHA256.hash(data: raw)) }
}
