/// What the token asks of the agent. Each call throws the return value that its caller shall get.
public protocol TokenAgent: AnyObject {
    /// Whether the agent can be reached now. This asks it nothing, and does not wait.
    func isPresent() -> Bool

    /// The same, and waits a while for an agent that restarts.
    func becomesPresent() -> Bool

    /// All keys that the caller may see.
    func keys() throws(CryptokiError) -> [TokenKey]

    /// Signs a message, or the digest of one: one request, and one record of it.
    /// - Parameter isDigest: whether `data` is a digest of exactly the length that the key signs.
    /// - Returns: r ‖ s in full length, or the 64 bytes of Ed25519.
    func sign(_ key: TokenKey, _ data: [UInt8], isDigest: Bool) throws(CryptokiError) -> [UInt8]

    /// Signs a digest with an RSA key: one request, and one record of it.
    /// - Parameter digest: of the length of the scheme's hash.
    /// - Returns: as many bytes as the modulus has.
    func sign(_ key: TokenKey, digest: [UInt8], by scheme: RSAScheme) throws(CryptokiError) -> [UInt8]

    /// Decrypts: one request, and one record of it.
    /// - Parameter ciphertext: of RSAES-OAEP with SHA-256 and MGF1 with SHA-256, as long as the modulus; of AES-256-GCM
    ///   nonce (12) ‖ ciphertext ‖ tag (16).
    /// - Parameter associated: OAEP's label; the associated data.
    func decrypt(_ key: TokenKey, _ ciphertext: [UInt8], associated: [UInt8]) throws(CryptokiError) -> [UInt8]

    /// Agrees on a secret by ECDH: one request, and one record of it.
    /// - Parameter peer: the other side's public key, an uncompressed point of the key's curve.
    /// - Returns: the x coordinate, of 32 or 48 bytes.
    func agree(_ key: TokenKey, peer: [UInt8]) throws(CryptokiError) -> [UInt8]

    /// Whether a signature over a digest is valid: for keys of a curve that is not verified here.
    func verify(_ key: TokenKey, digest: [UInt8], signature: [UInt8]) throws(CryptokiError) -> Bool

    /// HMAC-SHA256.
    func mac(_ key: TokenKey, _ message: [UInt8]) throws(CryptokiError) -> [UInt8]

    /// Makes a key.
    /// - Parameter name: what the agent will call it.
    /// - Parameter id: its CKA_ID; nil: the one that follows from it. If it cannot be set, there is no key.
    func create(_ name: String, _ new: NewKey, id: [UInt8]?) throws(CryptokiError)

    /// Sets a key's CKA_ID.
    /// - Parameter id: empty: the one that follows from the key.
    func identify(_ key: TokenKey, id: [UInt8]) throws(CryptokiError)

    /// Stores a certificate of a key.
    func add(_ certificate: Certificate, to key: TokenKey) throws(CryptokiError)

    /// Drops a certificate of a key.
    func remove(_ certificate: Certificate, from key: TokenKey) throws(CryptokiError)

    /// Destroys a key for good.
    func destroy(_ key: TokenKey) throws(CryptokiError)

    /// Random bytes of the HSM.
    /// - Parameter count: 1 to 65,536.
    func random(_ count: Int) throws(CryptokiError) -> [UInt8]
}
