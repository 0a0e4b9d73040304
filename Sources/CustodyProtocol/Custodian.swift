import DTASystem

/// The other side of the wall, as the front sees it: blocking calls, one at a time. Every method throws `DTAError`;
/// `unavailable` where the HSM, its process or the deadline failed.
public protocol Custodian: OrderCustodian {
    /// The token and the process, for `status` and `check`.
    func describe() throws -> TokenDescription

    /// Bytes from the token's generator, 1 to 65,536 of them.
    func random(count: Int) throws -> [UInt8]

    /// All objects of a class; not `seal`, `state` and `epoch`.
    func list(_ objectClass: ObjectClass) throws -> [TokenObject]

    /// Makes a user's key on the token: sensitive, non-extractable, read back.
    /// - Returns: the public key: 32 bytes (Ed25519), uncompressed SEC 1 point (EC), empty for symmetric keys.
    func generate(_ type: KeyType, owner: ObjectOwner, id: ObjectID) throws -> [UInt8]

    /// The type and public key of a user's key.
    func publicKey(_ id: ObjectID) throws -> (KeyType, [UInt8])

    /// Destroys an object (both halves of a pair); no error where there is none. `user`, `order` and identity classes only.
    func delete(_ objectClass: ObjectClass, id: ObjectID) throws

    /// Drops what this process remembers of an object that another process deleted.
    func forget(_ id: ObjectID) throws

    /// Signs with a user's key.
    /// - Parameter input: the message for Ed25519 (up to 256 KiB); for ECDSA a digest of exactly the right length.
    /// - Returns: 64 bytes for Ed25519 (RFC 8032), else r ‖ s.
    func sign(_ id: ObjectID, input: [UInt8]) throws -> [UInt8]

    /// HMAC-SHA256 with a user's key (RFC 2104): 32 bytes of up to 256 KiB.
    func mac(_ id: ObjectID, input: [UInt8]) throws -> [UInt8]

    /// AES-256-GCM with a user's key: nonce (12, made by the token) ‖ ciphertext ‖ tag (16); up to 256 KiB.
    func encrypt(_ id: ObjectID, plaintext: [UInt8], aad: [UInt8]) throws -> [UInt8]

    /// Opens what `encrypt` made; `dataLoss` where it does not fit.
    func decrypt(_ id: ObjectID, ciphertext: [UInt8], aad: [UInt8]) throws -> [UInt8]

    /// Makes an identity's signing key and KEM on the token.
    func createIdentity(owner: ObjectOwner, signing: ObjectID, kem: ObjectID) throws -> CreatedIdentityKeys

    /// Signs context ‖ 00 ‖ hash with an identity's key; dtad-hsm knows the contexts it may sign and prepends them itself.
    func signDocument(_ id: ObjectID, context: String, hash: [UInt8]) throws -> [UInt8]

    /// Makes the ML-DSA-65 key that stands beside an identity's signing key. The token gets no object by that.
    /// - Parameter signing: the identity's signing key.
    func createPostQuantumKey(_ signing: ObjectID) throws -> PostQuantumKey

    /// Signs context ‖ 00 ‖ hash with an identity's ML-DSA-65 key (3309 bytes, empty `ctx`), in the contexts in which its
    /// signing key may, and only while that one is on the token.
    func signPostQuantum(_ signing: ObjectID, key: PostQuantumKey, context: String, hash: [UInt8]) throws -> [UInt8]

    /// The content key of one envelope: HPKE-opens `key` with the identity's X-Wing key, bound to the core hash and to
    /// the recipient's CID.
    /// - Parameters: `kem`: the X25519 object; `publicKEM`: the X-Wing public key (1216 bytes); `sealedSeed`: as
    ///   `createIdentity` gave it; `owner`: the identity's; `coreHash`: 32 bytes; `recipient`: CID bytes; `enc`: 1120
    ///   bytes; `key`: 48 bytes.
    func openKey(
        kem: ObjectID, owner: ObjectOwner, publicKEM: [UInt8], sealedSeed: [UInt8], coreHash: [UInt8],
        recipient: [UInt8], enc: [UInt8], key: [UInt8]
    ) throws -> [UInt8]

    /// Seals a row that the front must read again; `purpose` and `id` must be the same when it is unsealed.
    func sealState(_ plaintext: [UInt8], purpose: String, id: [UInt8]) throws -> [UInt8]

    func unsealState(_ blob: [UInt8], purpose: String, id: [UInt8]) throws -> [UInt8]
}
