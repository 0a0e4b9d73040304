import CustodyProtocol
import DTAFormats
import DTASystem

/// The keys of `sign` orders, which are used on the token.
extension Custody {
    func newOrderKey(_ request: CommitmentRequest) throws -> CreatedOrderKey {
        let (cid, opened) = try openOrder(request.fiduciary, request.order, request.documents)
        let owner = request.fiduciary.owner
        var secret = opened
        guard secret.order.kind == OrderKind.sign else {
            throw DTAError(.permissionDenied, "only a \(OrderKind.sign) order has a key on the token")
        }
        let (type, algorithm) = try Custody.keyType(of: secret.order)
        let object = try ObjectID(OrderKeyID.bytes(owner: owner.uid, order: cid))
        let label = ObjectLabel.object(TokenObject(objectClass: .order, owner: owner, id: object))
        return try making([object]) {
            try requireEpoch(request.epoch)
            let raw = try generation.make(KeyKind(type), label, id: object.bytes)
            let publicKey = try publicKey(algorithm, raw: raw, of: label)
            // A key could never be used if the commitment had another key's public half.
            guard try withKey(object, .order, { key, _ in try holds(key, publicKey) ? true : nil }) != nil else {
                throw DTAError(
                    .failedPrecondition, "the token's \(type.name) keys do not agree with their public halves")
            }
            secret.key = OrderSecret.Key(object: object, publicKey: publicKey)
            let sealed = try sealOrder(
                secret, seed: OrderSecret.noSeed, order: cid, owner: owner, epoch: request.epoch)
            return CreatedOrderKey(sealed: sealed, type: type, publicKey: publicKey.raw)
        }
    }

    /// Signs with an order's key. The signature verifies under the public key that was sealed with the order.
    /// - Throws: `DTAError.failedPrecondition` if none was sealed; `.dataLoss` if the key under its id is another.
    func sign(_ input: [UInt8], for secret: OrderSecret, _ key: OrderSecret.Key, of owner: ObjectOwner) throws
        -> [UInt8]
    {
        guard let committed = key.publicKey else { throw Custody.unbound("this order's key") }
        let signature = try withKey(key.object, .order) { found, keyOwner -> [UInt8]? in
            guard keyOwner == owner else {
                throw DTAError(.permissionDenied, "the object \(found.label.text) does not belong to this fiduciary")
            }
            guard found.kind.algorithm == committed.algorithm else { return nil }
            let signature = try sign(found, input)
            let isValid =
                try?
                (committed.algorithm == .ed25519
                ? committed.isValid(signature: signature, message: input)
                : committed.isValid(signature: signature, digest: input))
            return isValid == true ? signature : nil
        }
        guard let signature else {
            throw DTAError(
                .dataLoss, "the key under this order's id is not the one to which its fiduciary committed itself",
                hint: "the order's key was deleted, and another made in its place; a backup of the token may have it")
        }
        return signature
    }

    /// The error for keys that were sealed by their id only.
    static func unbound(_ what: String) -> DTAError {
        DTAError(
            .failedPrecondition, "\(what) was sealed by an earlier release, which named its id and not the key itself",
            hint: "an administrator binds it while dtad is stopped (docs/operations.md)")
    }

    /// What a redemption of a `sign` order asks to be signed: its one field.
    static func input(of request: OrderFields, for type: KeyType) throws -> [UInt8] {
        let name = type == .ed25519 ? OrderKind.message : OrderKind.digest
        guard request.values.count == 1, let input = request[name]?.bytes, input.count <= OrderRedemption.messageLimit
        else {
            throw DTAError(
                .invalidArgument,
                "a redemption for a signature by \(type.name) has one field, \(name), of "
                    + "\(OrderRedemption.messageLimit) bytes at most")
        }
        return input
    }

    /// The algorithm that a `sign` order names.
    static func keyType(of order: Order) throws -> (KeyType, PublicKey.Algorithm) {
        guard let algorithm = order.algorithm, let type = KeyType(name: algorithm.rawValue) else {
            throw DTAError(
                .invalidArgument,
                "a \(OrderKind.sign) order has a field \(OrderKind.algorithm): ed25519, p256, p384 or secp256k1")
        }
        return (type, algorithm)
    }
}
