/// The public key of a wallet that two parties made: the fiduciary's part F plus the beneficiary's part B. It takes f +
/// b to spend.
///
/// F is chosen when B is known. A fiduciary that chose F = X − B for an x of its own would have the wallet alone. But
/// then it knows no f, and cannot sign under F, so it has no proof.
public struct WalletSum: Hashable, Sendable {
    /// F, made for this order after B was fixed in part 1.
    public let fiduciary: Secp256k1PublicKey
    /// B, one share of the beneficiary's, used once.
    public let beneficiary: Secp256k1PublicKey
    /// F + B: the wallet's key.
    public let publicKey: Secp256k1PublicKey

    /// - Throws: `FormatError.mismatch` for F = −B, the sum of which is infinity: no key; and for F = B, whose proof
    ///   would show that the fiduciary knows the beneficiary's part, so that it has the wallet alone. A fiduciary that
    ///   draws f at random draws again in these cases.
    public init(fiduciary: Secp256k1PublicKey, beneficiary: Secp256k1PublicKey) throws {
        guard fiduciary != beneficiary else {
            throw FormatError(.mismatch, "the fiduciary's and the beneficiary's part of a wallet are the same key")
        }
        self.fiduciary = fiduciary
        self.beneficiary = beneficiary
        publicKey = try Secp256k1PublicKey.sum(fiduciary, beneficiary)
    }

    /// The proof in part 2: BIP-340 under F over taggedhash("dta/wallet/1", F ‖ B ‖ F+B ‖ CID of part 1).
    /// - Parameter order: the CID of part 1.
    /// - Parameter secret: f.
    /// - Returns: 64 bytes.
    /// - Throws: `FormatError.invalidArgument` if `secret` is not F's.
    public func proof(for order: CID, with secret: Secp256k1Scalar) throws -> [UInt8] {
        guard secret.publicKey == fiduciary else {
            throw FormatError(.invalidArgument, "the secret is not that of the fiduciary's part")
        }
        return try BIP340.sign(message(order), with: secret)
    }

    /// Checks the proof in part 2.
    /// - Parameter proof: 64 bytes.
    /// - Parameter order: the CID of part 1.
    /// - Throws: `FormatError.badSignature` if `proof` is not one under F for this sum and order.
    public func verify(_ proof: [UInt8], order: CID) throws {
        guard BIP340.isValid(proof, message: message(order), key: fiduciary) else {
            throw FormatError(
                .badSignature, "the wallet's proof does not fit: the fiduciary has not shown that it has its part")
        }
    }

    /// The wallet's secret key, f + b.
    /// - Throws: `FormatError.mismatch` if one of the two does not belong to this wallet.
    public func secret(fiduciary f: Secp256k1Scalar, beneficiary b: Secp256k1Scalar) throws -> Secp256k1Scalar {
        guard f.publicKey == fiduciary else {
            throw FormatError(.mismatch, "what was released is not the fiduciary's part of this wallet")
        }
        guard b.publicKey == beneficiary else {
            throw FormatError(.mismatch, "the share is not the beneficiary's part of this wallet")
        }
        let sum = try Secp256k1Scalar.sum(f, b)
        guard sum.publicKey == publicKey else {
            throw FormatError(.dataLoss, "the sum does not fit its public key: this machine computes wrongly")
        }
        return sum
    }

    private func message(_ order: CID) -> [UInt8] {
        BIP340.taggedHash("dta/wallet/1", fiduciary.bytes, beneficiary.bytes, publicKey.bytes, order.bytes)
    }
}
