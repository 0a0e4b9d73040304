import AgentServer
import CustodyProtocol
import DTAConfiguration
import DTACore
import DTAMaintenance
import DTASystem
import Glibc

/// The check of the HSM by `dtad check`: whether dtad-hsm can log in, whether the token is the one that the state
/// belongs to, and whether it can do what D-TA needs.
struct HSMCheck {
    let configurationPath: String
    let configuration: Configuration
    /// nil: the state has a fault, which was reported.
    let state: StateComparison?

    func run(_ report: Report) {
        let read = { try KnownToken.read(state: configuration.state) }
        guard let known = state == nil ? .some(try? read()) : report.attempt("state", read) else { return }
        let launcher = CustodyLauncher(configurationPath: configurationPath, configuration: configuration.hsm)
        let process = report.attempt("HSM") {
            do {
                return try launcher.launch(expecting: known)
            } catch let error as CustodyLaunchError {
                throw error.reason
            }
        }
        guard let process else { return }
        defer { process.end() }
        guard let token = report.attempt("HSM", { try process.custodian.ask(DescribeToken()) }) else { return }
        report.good("HSM", "token \"\(token.label)\" (\(token.model), serial \(token.serial)) by \(token.library)")
        checkIdentity(known, process.connection.token, report)
        checkNeeds(process.connection, report)
        if !token.memoryShortfall.isEmpty { report.note("memory", token.memoryShortfall) }
        if process.isBroken { return }
        checkState(process.custodian, report)
        checkKeys(process.custodian, report)
        ImportCheck(configurationPath: configurationPath).run(process.custodian, report)
        checkWall(token, report)
    }

    /// dtad-hsm has compared them, except for a difference that the configuration allows.
    private func checkIdentity(_ known: TokenIdentity?, _ found: TokenIdentity, _ report: Report) {
        let landmark = "landmark \(found.landmarkText)"
        guard let known else {
            return report.good("token", landmark + (state == nil ? "" : "; the state belongs to no token yet"))
        }
        if known.landmark != found.landmark {
            report.note(
                "token", "\(landmark), as hsm.landmark says: it takes the place of the one that the state belongs to")
        } else if known.serial != found.serial {
            report.note("token", "\(landmark), as before; its serial number was \(known.serial)")
        } else {
            report.good("token", "\(landmark): the one that the state belongs to")
        }
    }

    /// Has the token do all operations that D-TA needs.
    private func checkNeeds(_ connection: CustodyConnection, _ report: Report) {
        var types: [String] = []
        for need in TokenNeed.allCases {
            let fault: String
            do {
                fault = try connection.ask(Examine(need: need))
            } catch {
                // It hung or broke, so this process cannot be asked further.
                let reason = DTAError(error)
                return report.bad(
                    "mechanisms", "\(need.mechanisms), for \(need.purpose): \(reason.message)", reason.hintText)
            }
            if fault.isEmpty {
                types += need.keyTypes.map(\.name)
            } else if need.isRequired {
                report.bad(
                    "mechanisms", "\(need.mechanisms), for \(need.purpose): \(fault)",
                    "dtad does not run with this token: docs/operations.md lists the mechanisms that it needs")
            } else {
                report.note("mechanisms", "\(need.mechanisms), for \(need.purpose): \(fault)")
            }
        }
        let all = TokenNeed.allCases.reduce(0) { $0 + $1.keyTypes.count }
        report.good(
            "mechanisms",
            types.count == all
                ? "it makes keys of all \(all) types"
                : "it makes " + (types.isEmpty ? "no keys of users" : types.joined(separator: ", ")))
    }

    /// Faults of the state that only the token shows.
    private func checkState(_ custodian: any Custodian, _ report: Report) {
        guard let state else { return }
        _ = report.attempt("token") { try state.refuseUsedToken(custodian) }
        let halt = report.attempt("audit log") { try state.compareSeal(custodian) }
        if let halt = halt ?? nil { report.bad("audit log", halt.message, halt.hintText) }
    }

    /// Whether this token has the keys that the state names.
    private func checkKeys(_ custodian: any Custodian, _ report: Report) {
        let found = report.attempt("keys") {
            try StateInspection(state: configuration.state, custodian: custodian)
        }
        guard let found else { return }
        guard let inspection = found else {
            if state != nil { report.note("keys", "none: no agent has run on this state yet") }
            return
        }
        if let sentence = inspection.unbound.sentence {
            report.note("bindings", "\(sentence): dtad-hsm --bind-order-keys")
        }
        checkEpochs(inspection, report)
        let count = inspection.keys + inspection.identities + inspection.orderKeys
        guard !inspection.damages.isEmpty else {
            return report.good(
                "keys",
                "of the state, \(counted(inspection.keys, "key")) and "
                    + "\(counted(inspection.identities, "identity", "identities")) are on the token"
                    + (inspection.orderKeys == 0
                        ? "" : ", and \(counted(inspection.orderKeys, "key of an order", "keys of orders"))"))
        }
        for damage in inspection.damages.prefix(10) { report.note("keys", damage) }
        report.bad(
            "keys",
            "\(inspection.damages.count) of \(count) keys and identities of the state cannot be used with this token",
            "state and token belong together: put the token, or the backup that fits it, in place")
    }

    /// Epochs' keys that should not be on the token; an agent can run all the same.
    private func checkEpochs(_ inspection: StateInspection, _ report: Report) {
        func labels(_ numbers: [UInt32]) -> String {
            numbers.prefix(10).map { "dta/epoch/\($0)" }.joined(separator: ", ")
                + (numbers.count > 10 ? " and \(numbers.count - 10) more" : "")
        }
        if !inspection.unknownEpochs.isEmpty {
            report.note(
                "epochs",
                "the state does not know the keys \(labels(inspection.unknownEpochs)) on the token; no receipt of a "
                    + "destruction says done as long as they are there (dtactl order epochs)")
        }
        if !inspection.returnedEpochs.isEmpty {
            report.note(
                "epochs",
                "the keys \(labels(inspection.returnedEpochs)) were destroyed and are on the token again: dtad destroys "
                    + "them at its start")
        }
    }

    private func checkWall(_ token: TokenDescription, _ report: Report) {
        var status = stat()
        let front = stat(configuration.state, &status) == 0 ? status.st_uid : geteuid()
        let custodian = UserDatabase.caller(uid: token.uid).display
        if configuration.hsm.socket == nil {
            report.note(
                "wall",
                "there is none: dtad starts dtad-hsm as its own user, who can read the token and the PIN; "
                    + "the units dtad-hsm.socket and dtad-hsm@.service make one")
        } else if token.uid == front {
            report.bad("wall", "dtad-hsm runs as \(custodian), and so does dtad", "User=dta-hsm in dtad-hsm@.service")
        } else {
            report.good("wall", "it stands: dtad-hsm runs as \(custodian)")
        }
    }
}

extension TokenNeed {
    /// The types of users' keys that it is about; none if dtad itself needs it.
    fileprivate var keyTypes: [KeyType] {
        switch self {
        case .random, .sealing, .signing, .agreement: []
        case .ed25519: [.ed25519]
        case .p256: [.p256]
        case .p384: [.p384]
        case .secp256k1: [.secp256k1]
        case .hmacSHA256: [.hmacSHA256]
        case .aes256: [.aes256]
        case .rsa: [.rsa2048, .rsa3072, .rsa4096]
        case .ecdh: [.p256ECDH, .p384ECDH]
        }
    }
}
