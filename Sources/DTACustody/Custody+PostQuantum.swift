import Crypto
import CustodyProtocol
import DTASystem

/// The ML-DSA-65 keys of identities. Tokens do not make them, so dtad-hsm does, from a seed that only it unseals.
///
/// Each is bound to a signing key on the token: that one's label says whose it is and that it may sign documents, and
/// when it is deleted, its companion signs no more.
extension Custody {
    /// FIPS 204's ξ.
    static let postQuantumSeedSize = 32

    func createPostQuantumKey(_ signing: ObjectID) throws -> PostQuantumKey {
        try climbing {
            let (_, owner) = try key(signing, .identitySigning)
            var seed = try token.session.random(Custody.postQuantumSeedSize)
            defer { wipe(&seed) }
            let key = try MLDSA65.PrivateKey(seedRepresentation: seed, publicKey: nil)
            let publicKey = Array(key.publicKey.rawRepresentation)
            return PostQuantumKey(
                publicKey: publicKey,
                sealedSeed: try seal(seed, with: .seal, seedBinding(owner, signing, publicKey)))
        }
    }

    /// Signs in the contexts in which the signing key beside it may.
    func signPostQuantum(
        _ signing: ObjectID, key postQuantum: PostQuantumKey, context: String, hash: [UInt8]
    ) throws -> [UInt8] {
        let message = try signedBytes(context, hash)
        return try climbing {
            let (_, owner) = try key(signing, .identitySigning)
            try check(context, of: owner)
            var seed = try unseal(
                postQuantum.sealedSeed, with: .seal, seedBinding(owner, signing, postQuantum.publicKey))
            defer { wipe(&seed) }
            let key = try MLDSA65.PrivateKey(seedRepresentation: seed, publicKey: nil)
            return Array(try key.signature(for: message))
        }
    }

    private func seedBinding(_ owner: ObjectOwner, _ signing: ObjectID, _ publicKey: [UInt8]) -> SealedBlob.Binding {
        SealedBlob.Binding(
            domain: "dta/seal/1", purpose: "ml-dsa-65 seed", owner: owner.uid,
            id: signing.bytes + Array(SHA256.hash(data: publicKey)))
    }
}
