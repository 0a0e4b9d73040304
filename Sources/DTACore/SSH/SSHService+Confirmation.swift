import DTASSH
import DTASystem

/// Asking users before keys sign.
extension SSHService {
    /// Whether the user is asked before a key signs something that it may sign, as the stricter of its owner's mark and
    /// the terms says.
    package func confirmation(
        _ caller: Caller, with key: KeyRecord, _ content: SSHSignedData, on bindings: SSHBindings
    ) -> SSHConfirmation? {
        let terms = policy.current.confirmation(caller, content, with: key.resource, on: bindings, now: now)
        let own = table.confirmation(of: key.object)
        return own == .each || terms == .each ? .each : own ?? terms
    }

    /// What the user is asked.
    package func question(
        _ caller: Caller, with key: KeyRecord, _ content: SSHSignedData, on bindings: SSHBindings,
        mode: SSHConfirmation
    ) -> SSHQuestion {
        SSHQuestion(
            key: key.owner.isSame(as: caller) ? key.name : "\(key.owner.name)/\(key.name)",
            fingerprint: key.sshKey?.fingerprint ?? "", content, bindings, caller, once: mode == .session,
            hostName: { [hosts = policy.current.sshHosts, now] in hosts.name(of: $0, now: now) })
    }

    /// Whether a key's owner wants its users to be asked before it signs.
    package func asksFirst(_ name: String) -> Bool { keys.index.entry(name).map { keys.isConfirmed($0.item) } ?? false }

    /// Has the users of an own key asked before it signs. From then on it signs on ssh.sock only.
    /// - Parameter decision: `each`, `session` or `none`.
    package func confirm(_ caller: Caller, name: String, decision: String) throws -> SSHIdentity {
        let key = try own(caller, name, to: "mark")
        let mode = SSHConfirmation(rawValue: decision)
        guard mode != nil || decision == "none" else {
            throw DTAError(.invalidArgument, "a key is confirmed each time, once a session or not: each, session, none")
        }
        try table.setConfirmation(of: key.object, mode)
        let confirmed = table.confirmedKeys
        keys.confirmed.withLock { $0 = confirmed }
        return try identity(caller, of: key)
    }
}
