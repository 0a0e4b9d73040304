import CustodyProtocol

/// The second phase of a request that needs the HSM. The first phase refuses what can be refused without the HSM; the
/// second runs with an HSM process that the caller has taken.
package typealias CustodyStep<Result> = @Sendable (any Custodian) throws -> Result
