import DTAFormats

/// Bounds of fields that several messages have. All fields of a message are bounded together by `CustodyFrame.limit`.
enum FieldBound {
    /// Contexts, purposes, the name to which a sealed row is bound.
    static let name = 128
    /// SHA-256.
    static let hash = 32
    /// Public keys and signatures as a token gives them: of an RSA key of 4096 bits, 526 and 512 bytes.
    static let publicKey = 1024
    static let signature = 512
    /// An uncompressed point of P-384.
    static let point = 97
    /// A row of the front's store.
    static let row = 1 << 20
    /// A part: a body of 160 KiB, wrapped for all parties that an order can name.
    static let part = 256 << 10
    /// The largest approvals of all approvers that an order can have; an ordinary one takes half, or less.
    static let approvals = OrderTerms.partyLimit * SignedApproval.maximumSize
    static let documents = BlockList.limit
}

/// Sizes of the blobs that dtad-hsm seals and the front keeps.
public enum SealedSize {
    /// The bytes that are no plaintext: version (1), key number (4), nonce (12), tag (16).
    public static let overhead = 1 + 4 + 12 + 16
    /// The ML-KEM-768 seed of an identity.
    public static let kemSeed = 64 + overhead
    /// The seed of an ML-DSA-65 key with its document, with room for later versions.
    public static let postQuantumSeedLimit = 1024 + overhead
    /// An order: part 1 with its document.
    public static let orderLimit = Order.sizeLimit + 1024 + overhead
    /// The most that a plugin keeps of an order.
    public static let pluginState = 64 << 10
    /// A beneficiary's part of a wallet: a scalar, a CID, the hash of an order's terms.
    public static let shareLimit = Secp256k1Scalar.byteCount + CID.byteCount + OrderTerms.hashSize + overhead
}
