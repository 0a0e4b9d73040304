import Crypto
import CustodyProtocol
import DTABytes
import DTAFormats
import DTASystem

/// The blob that dtad-hsm seals for an identity's ML-DSA-65 key, in the domain `dta/seal/2`:
///
///     seed (32, FIPS 204's ξ) ‖ DAG-CBOR { "conditions": {}, "public": bytes(32), "signing": bytes(32) }
///
/// `signing` is SHA-256 of the SubjectPublicKeyInfo of the signing key beside it, `public` that of its own public key
/// (1952 bytes). `conditions` is for later versions: this one knows none, and refuses a seed that has one, or another
/// field. In `dta/seal/1` the seed stood alone.
struct PostQuantumSeed {
    static let seedSize = 32

    /// Hashes of 32 bytes.
    let signing: [UInt8]
    let publicKey: [UInt8]

    init(beside signing: PublicKey, publicKey: [UInt8]) {
        self.signing = Array(SHA256.hash(data: signing.spkiDER))
        self.publicKey = Array(SHA256.hash(data: publicKey))
    }

    /// Reads all but the seed.
    /// - Throws: `DTAError.dataLoss` for what is laid out in another way.
    init(sealed bytes: borrowing Secret) throws {
        let record = bytes.withBytes { try? DAGCBOR.decode($0.extracting(droppingFirst: PostQuantumSeed.seedSize)) }
        guard case .map(let map)? = record,
            Set(map.entries.map(\.key)) == ["conditions", "public", "signing"],
            case .map(let conditions)? = map["conditions"], conditions.count == 0,
            case .bytes(let signing)? = map["signing"], signing.count == SHA256.byteCount,
            case .bytes(let publicKey)? = map["public"], publicKey.count == SHA256.byteCount
        else { throw DTAError(.dataLoss, "the sealed seed of a post-quantum key holds something else") }
        self.signing = signing
        self.publicKey = publicKey
    }

    /// The plaintext to be sealed.
    func bytes(seed: borrowing Secret) throws -> Secret {
        seed.followed(
            by: try DAGCBOR.encode(
                .map(["conditions": .map([:]), "public": .bytes(publicKey), "signing": .bytes(signing)])))
    }

    /// The key whose seed these bytes begin with.
    static func key(_ bytes: borrowing Secret) throws -> MLDSA65.PrivateKey {
        try bytes.withUnsafeBytes { try MLDSA65.PrivateKey(seedRepresentation: $0.prefix(seedSize), publicKey: nil) }
    }

    /// The binding of a seed, in either domain.
    static func binding(
        _ domain: SealedBlob.Domain, owner: ObjectOwner, signing: ObjectID, publicKey: [UInt8]
    ) -> SealedBlob.Binding {
        SealedBlob.Binding(
            domain: domain, purpose: "ml-dsa-65 seed", owner: owner.uid,
            id: signing.bytes + Array(SHA256.hash(data: publicKey)))
    }
}
