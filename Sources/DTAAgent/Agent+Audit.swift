import CustodyProtocol
import DTAFormats
import DTASystem

/// The audit log, for administrators and for whoever keeps dtad running.
extension Agent {
    /// Checks the whole audit log. Administrators.
    package func verifyAudit(_ caller: Caller) throws -> AuditVerifier.Findings {
        try requireAdministrator(
            caller, "verify the audit log, which has other users' records", helps: .listOwnRecords)
        return try audit.verify { [ledger] text in
            guard let cid = try? CID(text) else { return nil }
            return try? ledger.blocks.document(cid).identity.signing
        }
    }

    /// Lets go of all files of the audit log but a new one. Administrators.
    /// - Returns: the paths of those that may be moved away.
    package func archiveAudit(_ caller: Caller) throws -> [String] {
        try requireAdministrator(caller, "archive the audit log")
        let files = try audit.archive()
        try keeper.save()
        return files
    }

    /// Takes note of what is wrong with the audit log's files, so that keys are used again. Administrators.
    /// - Returns: what it is.
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

    /// To be called every second: brings the audit log to the disk, and looks whether log and database are still the files
    /// that dtad wrote.
    package func watch() { keeper.watch() }

    /// Why keys are not used although they could be; nil where nothing is wrong with log and database.
    package var halt: DTAError? { keeper.halt }

    /// Whether the end of the log should be sealed anew.
    package var needsSeal: Bool { keeper.needsSeal }

    /// Has the end of the log sealed by the token, for the next start to compare. For the slow lane.
    package func sealAuditEnd(_ custodian: any Custodian) throws {
        guard let signer = identities.signer else { return }
        try keeper.save()
        try keeper.seal(signer, custodian)
    }

    /// The last act: all is on the disk and in its place when this returns.
    /// - Throws: `DTAError` where something is not; what could be done is done.
    package func close() throws { try keeper.close() }
}
