import CustodyProtocol
import DTACore
import DTAFormats
import DTASystem
import Foundation
import GRDB

/// An identity with private keys on this host.
package final class IdentityRecord: Sendable {
    /// Its name on this host, shared with those that it replaced or that replaced it here.
    package let name: String
    package let owner: Owner
    /// The CID of its signed document.
    package let cid: CID
    package let keys: DocumentKeys
    let kemObject: ObjectID
    /// The X-Wing public key.
    let publicKEM: [UInt8]
    /// The ML-KEM seed, sealed: only dtad-hsm can open it.
    let sealedSeed: [UInt8]
    /// Unix seconds.
    package let created: Int64

    /// Its signing key on the token.
    package var signingObject: ObjectID { keys.signing }

    init(
        name: String, owner: Owner, cid: CID, keys: DocumentKeys, kemObject: ObjectID, publicKEM: [UInt8],
        sealedSeed: [UInt8], created: Int64
    ) {
        self.name = name
        self.owner = owner
        self.cid = cid
        self.keys = keys
        self.kemObject = kemObject
        self.publicKEM = publicKEM
        self.sealedSeed = sealedSeed
        self.created = created
    }

    package convenience init(_ row: Row) throws {
        let publicKey: Data? = row["pq_public"]
        let seed: Data? = row["pq_seed"]
        let postQuantum = publicKey.flatMap { key in
            seed.map { PostQuantumKey(publicKey: [UInt8](key), sealedSeed: [UInt8]($0)) }
        }
        self.init(
            name: row["name"], owner: Owner(uid: try row.whole("owner_uid"), name: row["owner_name"]),
            cid: try explaining("the table of identities is damaged") { try CID(bytes: [UInt8](row["cid"] as Data)) },
            keys: DocumentKeys(
                signing: try ObjectID([UInt8](row["signing_object"] as Data)), postQuantum: postQuantum),
            kemObject: try ObjectID([UInt8](row["kem_object"] as Data)), publicKEM: [UInt8](row["public_kem"] as Data),
            sealedSeed: [UInt8](row["sealed_seed"] as Data), created: row["created"])
    }

    /// Stores it as the current identity of its name.
    func insert(_ database: Database) throws {
        try database.execute(
            sql: "UPDATE identities SET current = 0 WHERE name = ? AND current = 1", arguments: [name])
        try database.execute(
            sql: """
                INSERT INTO identities (name, owner_uid, owner_name, cid, signing_object, kem_object, public_kem,
                  sealed_seed, created, pq_public, pq_seed, current) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1)
                """,
            arguments: [
                name, Int64(owner.uid), owner.name, Data(cid.bytes), Data(signingObject.bytes), Data(kemObject.bytes),
                Data(publicKEM), Data(sealedSeed), created, keys.postQuantum.map { Data($0.publicKey) },
                keys.postQuantum.map { Data($0.sealedSeed) },
            ])
    }

    package var resource: Resource { Resource(.identity, name, owner: owner) }
}

extension IdentityRecord {
    /// With what dtad-hsm opens what is sealed to it.
    package var recipientKey: RecipientKey {
        RecipientKey(
            kem: kemObject, owner: ObjectOwner(uid: owner.uid), publicKEM: publicKEM, sealedSeed: sealedSeed,
            cid: cid)
    }
}
