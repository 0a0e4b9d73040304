import CustodyProtocol
import DTABytes
import DTAFormats
import DTASystem

/// Making the secrets of orders. Each is sealed with the order that its principal signed, so that the front cannot
/// change the terms of its release later.
extension Custody {
    /// How often a seed is drawn. About one in 2^127 is no scalar or gives no sum.
    private static let draws = 8

    func newSeed(_ request: CommitmentRequest) throws -> CreatedSeed {
        let (cid, secret) = try openOrder(request.fiduciary, request.order, request.documents)
        guard secret.order.kind != OrderKind.sign else {
            throw DTAError(
                .permissionDenied, "the key of a \(OrderKind.sign) order is never a seed: newOrderKey makes it")
        }
        return try climbing {
            try requireEpoch(request.epoch)
            for _ in 0..<Custody.draws {
                let seed = try token.session.randomSecret(OrderSecret.seedSize)
                guard let scalar = try? Custody.scalar(seed),
                    let (publicKey, proof) = try commitment(scalar, secret.order, cid)
                else { continue }
                let sealed = try sealOrder(
                    secret, seed: seed, order: cid, owner: request.fiduciary.owner, epoch: request.epoch)
                return CreatedSeed(sealed: sealed, publicKey: publicKey, proof: proof)
            }
            throw DTAError(.internal, "the token's generator gives no usable seeds")
        }
    }

    /// The public half and its proof; nil if this seed cannot be used for the order.
    private func commitment(
        _ scalar: Secp256k1Scalar, _ order: Order, _ cid: CID
    ) throws -> (publicKey: [UInt8], proof: [UInt8])? {
        let publicKey = scalar.publicKey
        guard order.kind == OrderKind.bitcoinWallet else {
            return try translating { (publicKey.bytes, try CommitmentProof.make(for: cid, with: scalar)) }
        }
        guard let share = order.fields[OrderKind.share]?.bytes else {
            throw DTAError(.invalidArgument, "a \(OrderKind.bitcoinWallet) order has a field \(OrderKind.share)")
        }
        let beneficiary = try translating { try Secp256k1PublicKey(share) }
        guard let sum = try? WalletSum(fiduciary: publicKey, beneficiary: beneficiary) else { return nil }
        return try translating { (publicKey.bytes, try sum.proof(for: cid, with: scalar)) }
    }

    func sealOrder(
        _ secret: OrderSecret, seed: borrowing Secret, order: CID, owner: ObjectOwner, epoch: UInt32
    ) throws -> [UInt8] {
        try sealEpoch(secret.bytes(seed: seed), epoch, OrderSecret.binding(order: order, owner: owner))
    }
}
