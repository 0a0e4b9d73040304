import Crypto
import CustodyProtocol
import DTABytes
import DTAFormats
import DTASystem

/// The ML-DSA-65 keys of identities. Tokens do not make them, so dtad-hsm does, from a seed that only it unseals.
///
/// Each is bound to one signing key on the token. The label of the signing key names the owner and says that it may
/// sign documents. When it is deleted, the ML-DSA-65 key signs no more, even if another key is made under the same id.
extension Custody {
    func createPostQuantumKey(_ signing: ObjectID) throws -> PostQuantumKey {
        try climbing {
            let found = try withKey(signing, .identitySigning) { key, owner -> (PublicKey, ObjectOwner)? in
                let own = try publicKey(of: key)
                return try holds(key, own) ? (own, owner) : nil
            }
            guard let (own, owner) = found else { throw Custody.anotherSigningKey }
            let seed = try token.session.randomSecret(PostQuantumSeed.seedSize)
            let made = Array(try PostQuantumSeed.key(seed).publicKey.rawRepresentation)
            return PostQuantumKey(
                publicKey: made, sealedSeed: try seal(seed, beside: own, signing, of: owner, publicKey: made))
        }
    }

    /// Seals a seed of 32 bytes for one signing key.
    func seal(
        _ seed: borrowing Secret, beside own: PublicKey, _ signing: ObjectID, of owner: ObjectOwner, publicKey: [UInt8]
    ) throws -> [UInt8] {
        try seal(
            PostQuantumSeed(beside: own, publicKey: publicKey).bytes(seed: seed), with: .seal,
            PostQuantumSeed.binding(.seal2, owner: owner, signing: signing, publicKey: publicKey))
    }

    /// Signs in the contexts of the signing key beside it, and only while that one is on the token: it must sign a
    /// challenge each time. Another key under its id cannot.
    func signPostQuantum(
        _ signing: ObjectID, key postQuantum: PostQuantumKey, context: String, hash: [UInt8]
    ) throws -> [UInt8] {
        let message = try signedBytes(context, hash)
        return try climbing {
            let (_, owner) = try key(signing, .identitySigning)
            try check(context, of: owner)
            let bytes = try unsealPostQuantum(postQuantum, beside: signing, of: owner)
            let named = try PostQuantumSeed(sealed: bytes)
            guard named.publicKey == Array(SHA256.hash(data: postQuantum.publicKey)) else {
                throw DTAError(.dataLoss, "the sealed seed is that of another post-quantum key")
            }
            let isBeside = try withKey(signing, .identitySigning) { key, keyOwner -> Bool? in
                let own = try publicKey(of: key)
                let hash = PostQuantumSeed(beside: own, publicKey: []).signing
                return try keyOwner == owner && hash == named.signing && holds(key, own) ? true : nil
            }
            guard isBeside == true else { throw Custody.anotherSigningKey }
            return Array(try PostQuantumSeed.key(bytes).signature(for: message))
        }
    }

    /// - Returns: what `PostQuantumSeed` reads.
    /// - Throws: `DTAError.failedPrecondition` for a seed that names no signing key.
    private func unsealPostQuantum(
        _ key: PostQuantumKey, beside signing: ObjectID, of owner: ObjectOwner
    ) throws -> Secret {
        let domain: SealedBlob.Domain = try SealedBlob(key.sealedSeed).version == 1 ? .seal1 : .seal2
        let bytes = try unseal(
            key.sealedSeed, with: .seal,
            PostQuantumSeed.binding(domain, owner: owner, signing: signing, publicKey: key.publicKey))
        guard domain == .seal2 else { throw Custody.unbound("this identity's post-quantum key") }
        return bytes
    }

    private static var anotherSigningKey: DTAError {
        DTAError(
            .dataLoss, "the signing key under this id is not the one beside which the post-quantum key was made",
            hint: "the identity's signing key was deleted, and another made in its place")
    }
}
