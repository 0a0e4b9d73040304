import DTASystem
import GRDB

extension Row {
    /// A whole number of a column, of the type that is asked for. GRDB's own subscript ends the process where a number does
    /// not fit; a database can be damaged, or written by somebody else.
    /// - Throws: `DTAError.dataLoss` where there is none, or it does not fit.
    package func whole<Number: FixedWidthInteger>(_ column: String) throws -> Number {
        guard let stored = self[column] as Int64?, let number = Number(exactly: stored) else {
            throw DTAError(
                .dataLoss,
                "the database is damaged: \(column) is \((self[column] as Int64?).map { "\($0)" } ?? "nothing")")
        }
        return number
    }
}
