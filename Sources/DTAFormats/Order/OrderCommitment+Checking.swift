import Crypto

/// Checks that the commitment, its proof and the release fit. Kinds that only a plugin knows cannot be checked here.
extension OrderCommitment {
    /// Checks the proof that the maker of the commitment has the secret behind the public key.
    /// - Parameter share: the beneficiary's part of a wallet; if it is not known, a wallet's proof is not checked.
    /// - Throws: `FormatError`.
    public func checkProof(share: [UInt8]?) throws {
        switch kind {
        case OrderKind.secret, OrderKind.safeguardSecret:
            try CommitmentProof.verify(proof, key: Secp256k1PublicKey(publicKey), order: heading.order)
        case OrderKind.bitcoinWallet:
            guard let share else { return }
            try WalletSum(fiduciary: Secp256k1PublicKey(publicKey), beneficiary: Secp256k1PublicKey(share))
                .verify(proof, order: heading.order)
        default: return
        }
    }

    /// Checks that a result fits the public key.
    /// - Parameter result: what was released.
    /// - Parameter request: the redemption's.
    /// - Parameter algorithm: that of a `sign` order, if it is known.
    /// - Throws: `FormatError.mismatch` if it is not.
    public func check(
        _ result: OrderFields, of request: OrderFields, algorithm: PublicKey.Algorithm?
    ) throws {
        switch kind {
        case OrderKind.secret, OrderKind.safeguardSecret, OrderKind.bitcoinWallet:
            guard let secret = result[OrderKind.resultName(of: kind)]?.bytes,
                let scalar = try? Secp256k1Scalar(secret), scalar.publicKey.bytes == publicKey
            else { throw FormatError(.mismatch, "what was released is not what stands behind the commitment") }
        case OrderKind.sign:
            guard let algorithm else { return }
            let key = try PublicKey(algorithm, raw: publicKey)
            guard let signature = result[OrderKind.signature]?.bytes else {
                throw FormatError(.mismatch, "the release brings no signature")
            }
            let fits =
                if algorithm == .ed25519 {
                    try request[OrderKind.message]?.bytes.map { try key.isValid(signature: signature, message: $0) }
                } else {
                    try request[OrderKind.digest]?.bytes.map { try key.isValid(signature: signature, digest: $0) }
                }
            guard fits != false else {
                throw FormatError(.mismatch, "the signature does not fit the committed key and what was to be signed")
            }
        default: return
        }
    }
}

extension Order {
    /// Of a `sign` order: what its key signs with. Nil for other orders, and for other names. No order has an RSA key.
    public var algorithm: PublicKey.Algorithm? {
        kind == OrderKind.sign
            ? fields[OrderKind.algorithm]?.text.flatMap { name in
                PublicKey.Algorithm(rawValue: name).flatMap { $0.isRSA ? nil : $0 }
            } : nil
    }
}
