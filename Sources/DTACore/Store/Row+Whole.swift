import DTASystem
import GRDB

extension Row {
    /// A column's integer, in the requested type. GRDB's own subscript ends the process if a number does not fit, and a
    /// database can be damaged, or written by another program.
    /// - Throws: `DTAError.dataLoss` if there is no integer, or it does not fit.
    package func whole<Number: FixedWidthInteger>(_ column: String) throws -> Number {
        guard let stored = self[column] as Int64?, let number = Number(exactly: stored) else {
            throw DTAError(
                .dataLoss,
                "the database is damaged: \(column) is \((self[column] as Int64?).map { "\($0)" } ?? "nothing")")
        }
        return number
    }
}
