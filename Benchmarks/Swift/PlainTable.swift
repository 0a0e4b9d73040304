import Foundation
import GRDB

/// A table with a number, a hash and the bytes, and a transaction for each row: as durable as the agent's own.
struct PlainTable {
    private let pool: DatabasePool

    init(_ path: String) throws {
        pool = try DatabasePool(path: path)
        try pool.writeWithoutTransaction { database in
            try database.execute(sql: "PRAGMA synchronous = FULL; PRAGMA secure_delete = ON")
            try database.execute(
                sql:
                    "CREATE TABLE blocks (number INTEGER PRIMARY KEY, cid BLOB NOT NULL UNIQUE, bytes BLOB NOT NULL) STRICT"
            )
        }
    }

    func put(_ bytes: [UInt8]) throws {
        try pool.write { database in
            try database.execute(
                sql: "INSERT INTO blocks (cid, bytes) VALUES (?, ?)", arguments: [Data(bytes.prefix(36)), Data(bytes)])
        }
    }
}
