import CustodyProtocol
import DTAConfiguration
import DTAMaintenance
import DTAService
import DTASystem
import Glibc

/// Gives the token another PIN. The new one is on the disk before the token has it, and the old one stays until the
/// token has the new one. So if this is stopped, one of two files has the token's PIN, and the next run finds out which
/// with at most two attempts. As long as both are there, no dtad-hsm logs in.
struct PINRotation {
    private let configuration: String
    private let hsm: Configuration.HSM
    private let stored: StoredPIN
    /// The user of dtad-hsm; nil: the user who runs this.
    private let custodian: StateOwner?

    enum Outcome { case changed, finished }

    /// - Parameter configuration: its path.
    init(_ configuration: String, _ hsm: Configuration.HSM) throws {
        self.configuration = configuration
        self.hsm = hsm
        if hsm.socket != nil, geteuid() == 0 {
            guard let user = InitPlan.custodian else {
                throw DTAError(
                    .failedPrecondition, "there is no user dta-hsm, whose rights dtad-hsm needs to reach the token",
                    hint: "systemd-sysusers makes it; if dtad-hsm has another user, use the vendor's tool")
            }
            custodian = user
        } else {
            custodian = nil
        }
        stored = try StoredPIN.find(hsm, configuration: configuration)
    }

    var path: String { stored.path }

    /// - Parameter chosen: the new PIN; nil: a random one.
    func carryOut(_ chosen: SecretBytes?) throws -> Outcome {
        let folder = try lockFolder()
        return try withExtendedLifetime(folder) {
            if try stored.isPending() {
                try finish()
                return .finished
            }
            try change(chosen)
            return .changed
        }
    }

    private func change(_ chosen: SecretBytes?) throws {
        let old = try stored.read()
        let new = try chosen ?? RandomPIN.make(length: min(RandomPIN.length, longest()))
        guard !(old == new) else {
            throw DTAError(.failedPrecondition, "the token has this PIN already", hint: "choose another one")
        }
        try stored.writePending(new)
        let status = try custody("--change-pin", [old, new])
        switch status {
        case 0: try stored.adoptPending()
        case CustodyExit.failed.status: throw unclear
        default:
            // The token has not been asked to change it, or has refused to.
            try stored.dropPending()
            throw DTAError(
                .failedPrecondition, "the PIN was not changed: dtad-hsm's message above says why",
                hint: status == CustodyExit.wrongPIN.status
                    ? "\(stored.path) does not have the token's PIN; one attempt was spent to find that out" : "")
        }
    }

    /// Another run was stopped: the token has one of two PINs.
    private func finish() throws {
        let (old, new) = (try stored.read(), try stored.readPending())
        var status = try custody("--change-pin", [old, new])
        // It had been changed already.
        if status == CustodyExit.wrongPIN.status { status = try custody("--check-pin", [new]) }
        switch status {
        case 0: try stored.adoptPending()
        case CustodyExit.wrongPIN.status:
            throw DTAError(
                .failedPrecondition,
                "the token has neither the PIN in \(stored.path) nor that in \(stored.pendingPath); an attempt was spent on each",
                hint: "remove \(stored.pendingPath) once \(stored.path) has the right one")
        default: throw unclear
        }
    }

    private var unclear: DTAError {
        DTAError(
            .unavailable,
            "whether the token has the new PIN is not known: both are kept, in \(stored.path) and \(stored.pendingPath)",
            hint: "when the token can be reached, dtad pin change finishes what was begun")
    }

    private func longest() throws -> Int {
        let answer = try CustodyCommand.run(["--pin-lengths", "--config", configuration], as: custodian)
        guard answer.status == 0,
            let longest = answer.output.split(whereSeparator: \.isWhitespace).last.flatMap({ Int($0) })
        else {
            throw DTAError(.unavailable, "the token cannot be reached: dtad-hsm's message above says why")
        }
        return longest
    }

    private func custody(_ command: String, _ pins: [SecretBytes]) throws -> Int32 {
        do {
            return try CustodyCommand.run([command, "--config", configuration], pins: pins, as: custodian).status
        } catch let error as DTAError {
            printError("dtad: \(error.message)")
            throw unclear
        }
    }

    /// One at a time.
    private func lockFolder() throws -> Descriptor {
        let directory = stored.path.lastIndex(of: "/").map { String(stored.path[..<$0]) } ?? "."
        let folder = Descriptor(
            owning: try systemCall("open(\(directory))") { open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC) })
        guard flock(folder.number, LOCK_EX | LOCK_NB) == 0 else {
            throw DTAError(.failedPrecondition, "another dtad pin change is at work", hint: "wait for it to end")
        }
        return folder
    }
}
