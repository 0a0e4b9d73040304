import Crypto
import CustodyProtocol
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
    /// - Throws: `DTAError.dataLoss` for another layout.
    init(sealed bytes: [UInt8]) throws {
        guard bytes.count > PostQuantumSeed.seedSize,
            case .map(let map)? = try? DAGCBOR.decode(Array(bytes[PostQuantumSeed.seedSize...])),
            Set(map.entries.map(\.key)) == ["conditions", "public", "signing"],
            case .map(let conditions)? = map["conditions"], conditions.count == 0,
            case .bytes(let signing)? = map["signing"], signing.count == SHA256.byteCount,
            case .bytes(let publicKey)? = map["public"], publicKey.count == SHA256.byteCount
        else { throw DTAError(.dataLoss, "the sealed seed of a post-quantum key holds something else") }
        self.signing = signing
        self.publicKey = publicKey
    }

    /// The plaintext to be sealed, which the caller wipes.
    func bytes(seed: [UInt8]) throws -> [UInt8] {
        let record = try DAGCBOR.encode(
            .map(["conditions": .map([:]), "public": .bytes(publicKey), "signing": .bytes(signing)]))
        var bytes: [UInt8] = []
        bytes.reserveCapacity(seed.count + record.count)
        bytes.append(contentsOf: seed)
        bytes.append(contentsOf: record)
        return bytes
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
