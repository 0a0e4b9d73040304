/// The built-in kinds of order, and the names in them that dtad-hsm knows too.
public enum OrderKind {
    /// A key pair whose secret half is released.
    public static let secret = "secret"
    /// The same, for content that a principal encrypts to its public half.
    public static let safeguardSecret = "safeguard-secret"
    /// A key that is the sum of the fiduciary's and the beneficiary's parts.
    public static let bitcoinWallet = "bitcoin-wallet"
    /// A key that signs on the token and never leaves it.
    public static let sign = "sign"

    public static let builtIn = [secret, safeguardSecret, bitcoinWallet, sign]

    /// Field of a `bitcoin-wallet` order: the beneficiary's part, a compressed point of 33 bytes. In the result of such
    /// an order: the fiduciary's part, 32 bytes.
    public static let share = "share"
    /// Field of a `sign` order: `ed25519`, `p256`, `p384` or `secp256k1`.
    public static let algorithm = "algorithm"
    /// In the redemption of a `sign` order: what ECDSA signs, as long as the algorithm's hash.
    public static let digest = "digest"
    /// In the redemption of a `sign` order: what Ed25519 signs, up to 64 KiB.
    public static let message = "message"
    /// In the result of `sign`.
    public static let signature = "signature"

    /// The name of the seed in the result of an order of this kind.
    public static func resultName(of kind: String) -> String { kind == bitcoinWallet ? share : secret }
}
