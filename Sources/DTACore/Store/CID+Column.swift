import DTAFormats
import Foundation

extension CID {
    /// From a column of the database.
    package init(row bytes: Data) throws {
        self = try explaining("the ledger's tables are damaged") { try CID(bytes: [UInt8](bytes)) }
    }

    /// For a column of the database.
    package var column: Data { Data(bytes) }
}
