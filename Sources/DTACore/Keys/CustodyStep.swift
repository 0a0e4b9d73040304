import CustodyProtocol

/// The second phase of a request that needs the HSM. The first phase refuses what can be refused without the HSM; the
/// second runs with an HSM process that the caller has taken.
package typealias CustodyStep<Result> = @Sendable (any Custodian) throws -> Result

/// The second phase of a use of a key, and what its record says of the key.
package struct KeyStep<Result: Sendable>: Sendable {
    package let step: CustodyStep<Result>
    /// Whether the key was imported: there may be copies of it.
    package let isImported: Bool

    @inline(__always)
    init(_ key: KeyRecord, _ step: @escaping CustodyStep<Result>) {
        isImported = key.isImported
        self.step = step
    }

    package func callAsFunction(_ custodian: any Custodian) throws -> Result { try step(custodian) }
}
