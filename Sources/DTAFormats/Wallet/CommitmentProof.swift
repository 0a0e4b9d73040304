/// The proof in part 2 of an order that the maker of the commitment has the secret behind it: BIP-340 under the
/// committed key over taggedhash("dta/commitment/1", key ‖ CID of part 1). It fits one order.
public enum CommitmentProof {
    /// - Parameter order: the CID of part 1.
    /// - Parameter secret: the one behind the commitment.
    /// - Returns: 64 bytes.
    public static func make(for order: CID, with secret: Secp256k1Scalar) throws -> [UInt8] {
        try BIP340.sign(message(secret.publicKey, order), with: secret)
    }

    /// - Parameter proof: 64 bytes.
    /// - Parameter key: the commitment.
    /// - Parameter order: the CID of part 1.
    /// - Throws: `FormatError.badSignature` if `proof` is not one by `key` for this order.
    public static func verify(_ proof: [UInt8], key: Secp256k1PublicKey, order: CID) throws {
        guard BIP340.isValid(proof, message: message(key, order), key: key) else {
            throw FormatError(
                .badSignature, "the commitment's proof does not fit: its maker has not shown that the secret is there")
        }
    }

    private static func message(_ key: Secp256k1PublicKey, _ order: CID) -> [UInt8] {
        BIP340.taggedHash("dta/commitment/1", key.bytes, order.bytes)
    }
}
