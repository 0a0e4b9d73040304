import CustodyProtocol
import DTACore
import DTASystem
import GRDB
import Logging

/// The token to which the state belongs.
extension Agent {
    /// The token to which the state belongs; nil until there was one.
    package var knownToken: TokenIdentity? { get throws { try store.read { try KnownToken.read($0) } } }

    /// Accepts a token as the one to which the state belongs. dtad-hsm has compared it with the known one already,
    /// unless the administrator named its landmark.
    /// - Throws: `DTAError.unavailable` if it is another one.
    func recognize(_ token: TokenIdentity, _ custodian: any Custodian) throws {
        let known = try knownToken
        guard known != token else { return }
        let isMeant = token.landmark == tokenThatIsMeant
        if let known {
            // The serial number may change with the token's place, as in a cluster; the key decides.
            guard known.landmark == token.landmark || isMeant else { throw another(token) }
            logger.warning(
                known.landmark == token.landmark
                    ? "the token's serial number has changed; its keys are the same"
                    : "the token is another than before, as hsm.landmark says: keys that are not on it are out of use",
                metadata: ["before": "\(known.serial)", "now": "\(token.serial)"])
        } else if !isMeant {
            // A state from before tokens were recorded: the agent's own key must be there.
            guard try identities.agentIsOn(custodian) else { throw another(token) }
        }
        try store.write { try KnownToken.write(token, in: $0) }
    }

    private func another(_ token: TokenIdentity) -> DTAError {
        DTAError(
            .unavailable,
            "the token (serial number \(token.serial)) is not the one that the agent's state belongs to: the key of the "
                + "agent's own identity is not on it",
            hint: "put the right one back, and dtad goes on by itself; if this one is to take its place, "
                + "hsm.landmark: \(token.landmarkText) says so")
    }
}
