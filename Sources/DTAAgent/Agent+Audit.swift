import CustodyProtocol
import DTAFormats
import DTASystem

/// The audit log, for administrators and for the main loop of dtad.
extension Agent {
    /// Checks the whole audit log. For administrators.
    package func verifyAudit(_ caller: Caller) throws -> AuditVerifier.Findings {
        try requireAdministrator(
            caller, "verify the audit log, which has other users' records", helps: .listOwnRecords)
        return try audit.verify { [ledger] text in
            guard let cid = try? CID(text) else { return nil }
            return try? ledger.blocks.document(cid).identity.signing
        }
    }

    /// Releases all files of the audit log but a new one. For administrators.
    /// - Returns: the paths of those that may be moved away.
    package func archiveAudit(_ caller: Caller) throws -> [String] {
        try requireAdministrator(caller, "archive the audit log")
        let files = try audit.archive()
        try keeper.save()
        return files
    }

    /// Accepts the faults of the audit log's files, so that keys are used again. For administrators.
    /// - Returns: the faults.
    package func acceptAudit(_ caller: Caller) throws -> [String] {
        try requireAdministrator(caller, "decide that a damaged audit log is accepted as it is")
        return try keeper.accept()
    }

    private func requireAdministrator(_ caller: Caller, _ what: String, helps hint: HintCode? = nil) throws {
        guard !caller.isAdministrator else { return }
        let sentence = "user \(caller.display) may not \(what)"
        throw hint.map { DTAError(.permissionDenied, sentence, helps: $0) }
            ?? DTAError(.permissionDenied, sentence, hint: "an administrator can")
    }

    // MARK: While it runs

    /// Must be called every second: brings the audit log to the disk, and checks that log and database are still the
    /// files that dtad wrote.
    package func watch() { keeper.watch() }

    /// Why keys are not used although they could be; nil if log and database are as dtad wrote them.
    package var halt: DTAError? { keeper.halt }

    /// Whether the end of the log should be sealed again.
    package var needsSeal: Bool { keeper.needsSeal }

    /// Seals the end of the log with the token, for the next start to compare. For the slow lane.
    package func sealAuditEnd(_ custodian: any Custodian) throws {
        guard let signer = identities.signer else { return }
        try keeper.save()
        try keeper.seal(signer, custodian)
    }

    /// The last call: when this returns, everything is on the disk and in its place.
    /// - Throws: `DTAError` if something is not; the rest is.
    package func close() throws { try keeper.close() }
}
