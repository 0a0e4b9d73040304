import CustodyProtocol

/// The second phase of an act that needs the HSM. The first has refused all that can be refused without it; this one is
/// run with an HSM process that the caller has taken.
package typealias CustodyStep<Result> = @Sendable (any Custodian) throws -> Result
