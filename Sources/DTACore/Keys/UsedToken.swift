import CustodyProtocol
import DTASystem

/// Refuses a token that has an agent's keys, beside a state that never had a token.
package enum UsedToken {
    /// - Throws: `DTAError.failedPrecondition` if the token has such keys.
    package static func refuse(_ custodian: any Custodian, beside state: String) throws {
        let classes: [ObjectClass] = [.user, .identitySigning, .identityKEM, .order]
        let count = try classes.reduce(0) { $0 + (try custodian.ask(ListObjects(objectClass: $1)).count) }
        guard count > 0 else { return }
        throw DTAError(
            .failedPrecondition,
            "the database of \(state) belongs to no token yet, but the token has \(counted(count, "key")) of an agent: its "
                + "state is missing",
            hint:
                "put the state back (dtad restore); or, if a new state is really to begin on this token, say so by an "
                + "empty file begin-anew in \(state), owned by dtad, and start again")
    }
}
