import DTAFormats
import Foundation

extension CID {
    /// From a column of the database.
    init(row bytes: Data) throws {
        self = try explaining("the ledger's tables are damaged") { try CID(bytes: [UInt8](bytes)) }
    }

    /// For a column of the database.
    var column: Data { Data(bytes) }
}
