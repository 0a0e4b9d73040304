/// What the token asks of the agent. Each call throws the return value that its caller shall get.
public protocol TokenAgent: AnyObject {
    /// Whether the agent can be reached now. This asks it nothing, and does not wait.
    func isPresent() -> Bool

    /// All keys that the caller may see.
    func keys() throws(CryptokiError) -> [TokenKey]

    /// Signs a message, or the digest of one: one request, and one record of it.
    /// - Parameter isDigest: whether `data` is a digest of exactly the length that the key signs.
    /// - Returns: r ‖ s in full length, or the 64 bytes of Ed25519.
    func sign(_ key: TokenKey, _ data: [UInt8], isDigest: Bool) throws(CryptokiError) -> [UInt8]

    /// Whether a signature over a digest is valid: for keys of a curve that is not verified here.
    func verify(_ key: TokenKey, digest: [UInt8], signature: [UInt8]) throws(CryptokiError) -> Bool

    /// HMAC-SHA256.
    func mac(_ key: TokenKey, _ message: [UInt8]) throws(CryptokiError) -> [UInt8]

    /// Makes a key.
    /// - Parameter name: what the agent will call it.
    func create(_ name: String, _ new: NewKey) throws(CryptokiError) -> TokenKey

    /// Destroys a key for good.
    func destroy(_ key: TokenKey) throws(CryptokiError)

    /// Random bytes of the HSM.
    /// - Parameter count: 1 to 65,536.
    func random(_ count: Int) throws(CryptokiError) -> [UInt8]
}
