import CustodyProtocol
import DTAFormats
import DTASystem
import Foundation
import GRDB

/// A user's key as dtad knows it: everything but the secret.
package final class KeyRecord: NamedItem {
    static let kind = Resource.Kind.key

    package let name: String
    package let type: KeyType
    package let owner: Owner
    package let object: ObjectID
    /// Unix seconds.
    package let created: Int64
    /// As the token gave it: 32 bytes (Ed25519), an uncompressed point (EC), an RSAPublicKey in DER (RSA), empty for
    /// symmetric keys.
    package let publicKey: [UInt8]
    package let origin: KeyOrigin

    /// - Parameter origin: an imported key is marked for ever.
    init(
        name: String, type: KeyType, owner: Owner, object: ObjectID, created: Int64, publicKey: [UInt8],
        origin: KeyOrigin = .token
    ) {
        self.origin = origin
        self.name = name
        self.type = type
        self.owner = owner
        self.object = object
        self.created = created
        self.publicKey = publicKey
    }

    var publicBytes: [UInt8] { publicKey }

    package var isImported: Bool { origin == .imported }

    /// The public half in standard forms; nil for symmetric keys.
    /// - Throws: `DTAError.dataLoss` if the stored bytes are no key.
    package func publicHalf() throws -> PublicKey? { try KeyRecord.publicHalf(type, publicKey, of: name) }

    static func publicHalf(_ type: KeyType, _ raw: [UInt8], of name: String) throws -> PublicKey? {
        guard let algorithm = type.algorithm else { return nil }
        do {
            return try PublicKey(algorithm, raw: raw)
        } catch {
            throw DTAError(.dataLoss, "the public half of key \(quoted(name)) is damaged: \(error)")
        }
    }
}

extension KeyType {
    /// The form of its public half, which is also how it signs, unless it is for ECDH; nil for symmetric keys.
    package var algorithm: PublicKey.Algorithm? {
        switch self {
        case .ed25519: .ed25519
        case .p256, .p256ECDH: .p256
        case .p384, .p384ECDH: .p384
        case .secp256k1: .secp256k1
        case .rsa2048: .rsa2048
        case .rsa3072: .rsa3072
        case .rsa4096: .rsa4096
        case .hmacSHA256, .aes256: nil
        }
    }
}

extension KeyRecord {
    convenience init(_ row: Row) throws {
        let name: String = row["name"]
        let number: Int64 = row["type"]
        guard let type = UInt8(exactly: number).flatMap(KeyType.init(rawValue:)) else {
            throw DTAError(.dataLoss, "key \(quoted(name)) has the type \(number), which this dtad does not know")
        }
        self.init(
            name: name, type: type, owner: Owner(uid: try row.whole("owner_uid"), name: row["owner_name"]),
            object: try ObjectID([UInt8](row["object"] as Data)), created: row["created"],
            publicKey: [UInt8](row["public_key"] as Data),
            origin: (row["origin"] as Int64) == 0 ? .token : .imported)
    }

    func insert(_ database: Database) throws {
        try database.execute(
            sql: """
                INSERT INTO keys (name, type, owner_uid, owner_name, object, created, public_key, origin)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?)
                """,
            arguments: [
                name, Int64(type.rawValue), Int64(owner.uid), owner.name, Data(object.bytes), created, Data(publicKey),
                Int64(origin.rawValue),
            ])
    }
}
