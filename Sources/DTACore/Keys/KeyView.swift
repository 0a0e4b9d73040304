import Crypto
import CustodyProtocol
import DTASystem
import Foundation
import GRDB

/// A key as PKCS#11 shows it to a caller.
package struct KeyView: Sendable {
    package let key: KeyRecord
    /// CKA_ID; empty: the owner set none.
    package let id: [UInt8]
    /// X.509, in DER.
    package let certificates: [[UInt8]]
    /// What the caller may do with it.
    package let allowed: [Permission]

    /// What can be allowed on a key, apart from seeing it.
    static let permissions: [Permission] = [.sign, .mac, .encrypt, .decrypt, .derive, .manage]

    static let idLimit = 64
    /// Bytes of a certificate.
    static let certificateLimit = 16 << 10
    /// Certificates of a key.
    static let certificateCount = 8
    /// Bytes of certificates on a page: an answer has 1 MiB at most.
    static let pageLimit = 512 << 10
}

/// What PKCS#11 shows of users' keys.
extension KeyService {
    /// The keys that the caller may see, by name.
    package func views(_ caller: Caller, count: UInt32, cursor: String) throws -> Page<KeyView> {
        let page = try list(caller, count: count, cursor: cursor)
        let policy = policy.current
        var views: [KeyView] = []
        var bytes = 0
        try store.read { database in
            for key in page.items {
                let object = Data(key.object.bytes)
                let id = try Data.fetchOne(
                    database, sql: "SELECT id FROM key_ids WHERE object = ?", arguments: [object])
                let certificates = try Data.fetchAll(
                    database,
                    sql: "SELECT certificate FROM key_certificates WHERE object = ? ORDER BY added, sha256",
                    arguments: [object])
                bytes += certificates.reduce(0) { $0 + $1.count }
                // One key's certificates always fit.
                if bytes > KeyView.pageLimit, !views.isEmpty { break }
                let isOwn = key.owner.isSame(as: caller)
                let signsElsewhere = isConfirmed(key)
                views.append(
                    KeyView(
                        key: key, id: [UInt8](id ?? Data()), certificates: certificates.map { [UInt8]($0) },
                        allowed: KeyView.permissions.filter { permission in
                            guard permission == .sign else {
                                return isOwn || policy.allows(caller, permission, key.resource)
                            }
                            // Some keys sign on ssh.sock only, also for their owners.
                            return !signsElsewhere && policy.allows(caller, .sign, key.resource)
                        }))
            }
        }
        let isCut = views.count < page.items.count
        return Page(items: views, cursor: isCut ? views.last?.key.name ?? "" : page.cursor)
    }

    /// Sets a key's CKA_ID.
    /// - Parameter id: 1 to 64 bytes; none: the one that follows from the key.
    package func identify(_ caller: Caller, name: String, id: [UInt8]) throws {
        let key = try authorized(caller, .manage, name)
        guard id.count <= KeyView.idLimit else {
            throw DTAError(.invalidArgument, "a CKA_ID has at most \(KeyView.idLimit) bytes here, not \(id.count)")
        }
        let object = Data(key.object.bytes)
        try store.write { database in
            try database.execute(sql: "DELETE FROM key_ids WHERE object = ?", arguments: [object])
            guard !id.isEmpty else { return }
            let taken = try String.fetchOne(
                database,
                sql: """
                    SELECT name FROM keys JOIN key_ids USING (object)
                    WHERE id = ? AND owner_uid = ? AND owner_name = ?
                    """,
                arguments: [Data(id), Int64(key.owner.uid), key.owner.name])
            if let taken {
                throw DTAError(
                    .failedPrecondition, "key \(quoted(taken)) of the same owner has this CKA_ID",
                    hint: "choose another one")
            }
            // The key may have been deleted meanwhile.
            try requireRow(of: key, database)
            try database.execute(
                sql: "INSERT INTO key_ids (object, id) VALUES (?, ?)", arguments: [object, Data(id)])
        }
    }

    /// Stores a certificate of a key. Its content is not parsed: it must hold the key's public half.
    /// - Parameter certificate: in DER.
    package func addCertificate(_ caller: Caller, name: String, certificate: [UInt8]) throws {
        let key = try authorized(caller, .manage, name)
        guard 1...KeyView.certificateLimit ~= certificate.count else {
            throw DTAError(
                .invalidArgument,
                "a certificate has 1 to \(KeyView.certificateLimit) bytes here, not \(certificate.count)")
        }
        guard let half = try key.publicHalf() else {
            throw DTAError(
                .invalidArgument, "key \(quoted(name)) is of type \(key.type.name), which has no public half")
        }
        guard Data(certificate).range(of: Data(half.spkiDER)) != nil else {
            throw DTAError(.invalidArgument, "this certificate does not hold the public half of key \(quoted(name))")
        }
        let object = Data(key.object.bytes)
        try store.write { database in
            try requireRow(of: key, database)
            let count = try Int.fetchOne(
                database, sql: "SELECT count(*) FROM key_certificates WHERE object = ?", arguments: [object])
            guard count ?? 0 < KeyView.certificateCount else {
                throw DTAError(
                    .resourceExhausted,
                    "key \(quoted(name)) has \(KeyView.certificateCount) certificates, and that is the limit",
                    hint: "remove one that is not used any more")
            }
            try database.execute(
                sql: """
                    INSERT OR IGNORE INTO key_certificates (object, sha256, certificate, added) VALUES (?, ?, ?, ?)
                    """,
                arguments: [
                    object, Data(SHA256.hash(data: certificate)), Data(certificate), unixMicroseconds() / 1_000_000,
                ])
        }
    }

    /// Drops a certificate of a key.
    package func removeCertificate(_ caller: Caller, name: String, certificate: [UInt8]) throws {
        let key = try authorized(caller, .manage, name)
        try store.write { database in
            try database.execute(
                sql: "DELETE FROM key_certificates WHERE object = ? AND sha256 = ?",
                arguments: [Data(key.object.bytes), Data(SHA256.hash(data: certificate))])
            guard database.changesCount == 1 else {
                throw DTAError(.notFound, "key \(quoted(name)) has no such certificate")
            }
        }
    }

    private func requireRow(of key: KeyRecord, _ database: Database) throws {
        let found = try Bool.fetchOne(
            database, sql: "SELECT 1 FROM keys WHERE object = ?", arguments: [Data(key.object.bytes)])
        guard found != nil else {
            throw DTAError(.notFound, "there is no key \(quoted(key.name))", helps: .listKeys)
        }
    }
}
