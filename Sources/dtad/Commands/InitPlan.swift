import DTAMaintenance
import DTASystem
import Glibc

/// The files of `dtad init`, and their owners.
struct InitPlan {
    private let state: String
    private let module: String
    private let token: String
    private let configuration: String
    private let existingPINFile: String?
    /// The users of the installed layout; nil if all files belong to the user who runs this.
    private let users: (dtad: StateOwner, hsm: StateOwner)?

    // The installed layout; the units name these paths too.
    private static let installedState = "/var/lib/dtad"
    private static let installedConfiguration = "/etc/dtad/dtad.yaml"
    private static let installedHSM = "/var/lib/dta-hsm"
    private static let installedSocket = "/run/dtad/hsm.sock"

    private var isSoftHSM: Bool { module.split(separator: "/").last?.contains("softhsm") ?? false }
    private var hsmDirectory: String { users == nil ? state : InitPlan.installedHSM }
    /// It belongs to root in the installed layout: systemd reads it and passes it on as a credential.
    private var pinDirectory: String { users == nil ? state : directory(of: configuration) }
    private var pinFile: String { "\(pinDirectory)/hsm-pin" }
    private var officerFile: String { "\(pinDirectory)/hsm-so-pin" }
    /// The public half of the token's key for imports: dtactl trusts it because no user but root, or the agent's own,
    /// can change it.
    private var importFile: String { "\(directory(of: configuration))/import.pem" }
    private var softhsmConf: String { "\(hsmDirectory)/softhsm2.conf" }
    private var tokens: String { "\(hsmDirectory)/tokens" }

    init(state: String, module: String, token: String, configuration: String?, existingPINFile: String?) throws {
        self.state = try InitPlan.absolute(state)
        self.module = try InitPlan.absolute(module)
        self.token = token
        self.existingPINFile = try existingPINFile.map(InitPlan.absolute)
        if geteuid() == 0, self.state == InitPlan.installedState {
            guard let dtad = InitPlan.user("dtad"), let hsm = InitPlan.custodian else {
                throw DTAError(
                    .failedPrecondition, "\(self.state) belongs to the users dtad and dta-hsm, who do not exist yet",
                    hint: "systemd-sysusers makes them, from sysusers.d/dtad.conf")
            }
            users = (dtad, hsm)
        } else {
            users = nil
        }
        // dtad must not be able to change the file that names dtad-hsm's library.
        let usual = users == nil ? "\(self.state)/dtad.yaml" : InitPlan.installedConfiguration
        self.configuration = try configuration.map(InitPlan.absolute) ?? usual
        try check()
    }

    private func check() throws {
        guard (1...32).contains(token.utf8.count), token.unicodeScalars.allSatisfy(InitPlan.isPrintable),
            token.first != " ", token.last != " "
        else {
            throw DTAError(
                .invalidArgument,
                "a token's label has 1 to 32 bytes of printable text, not \(token.utf8.count), and no space at its ends"
            )
        }
        guard access(module, R_OK) == 0 else {
            throw DTAError(
                .notFound, "the PKCS#11 module \(module) cannot be read: \(errorText(errno))",
                hint: isSoftHSM ? "apt-get install softhsm2" : "--module names the shared library of your HSM")
        }
        for path in [state, configuration, tokens, module] where !path.unicodeScalars.allSatisfy(InitPlan.isPlain) {
            throw DTAError(.invalidArgument, "\"\(path)\" has characters that a configuration cannot hold")
        }
        if isSoftHSM, tokens.contains("#") {
            throw DTAError(.invalidArgument, "\(tokens): SoftHSM's configuration cannot hold a path with # in it")
        }
        if !isSoftHSM, existingPINFile == nil {
            throw DTAError(
                .invalidArgument, "\(module) is not SoftHSM: its token has to exist already",
                hint: "make it with the vendor's tool, write its PIN to a file of mode 0600 and give --pin-file FILE")
        }
        if isSoftHSM, existingPINFile != nil {
            throw DTAError(
                .invalidArgument, "--pin-file is for tokens that exist: SoftHSM's is made here, with a new PIN")
        }
        let made = [configuration, importFile] + (isSoftHSM ? [pinFile, officerFile, softhsmConf, tokens] : [])
        for path in made where access(path, F_OK) == 0 {
            throw DTAError(
                .failedPrecondition, "\(path) exists already: nothing is overwritten",
                hint: "choose another --state, or remove the old one if its keys are of no more use")
        }
    }

    /// - Returns: lines for people, with the place of each file.
    func carryOut() throws -> [String] {
        umask(0o077)
        var made = MadeFiles()
        do {
            try make(&made)
            return summary
        } catch {
            made.takeBack()
            throw error
        }
    }

    private func make(_ made: inout MadeFiles) throws {
        try RootPlaces.check(
            (users == nil ? [state] : [state, hsmDirectory].map(directory)) + [directory(of: configuration)])
        try made.directory(state, mode: 0o700, owner: users?.dtad)
        if users != nil { try made.directory(hsmDirectory, mode: 0o700, owner: users?.hsm) }
        if directory(of: configuration) != state {
            try made.directory(directory(of: configuration), mode: 0o755, owner: nil)
        }
        // Under another name until all is done, so that an existing configuration always works.
        let draft = configuration + ".init"
        unlink(draft)
        let pin = try pin(&made)
        if isSoftHSM {
            let officer = try RandomPIN.make()
            try made.secret(officerFile, officer)
            try made.file(draft, yaml(pinFile: pinFile), mode: 0o644)
            try makeSoftHSMFiles(&made)
            try runCustody(["--init", "--pins-on-stdin", "--config", draft], [pin, officer])
        } else {
            try made.file(draft, yaml(pinFile: existingPINFile ?? pinFile), mode: 0o644)
            try runCustody(["--init", "--keys-only", "--pins-on-stdin", "--config", draft], [pin])
        }
        try made.file(importFile, try importKey(draft, pin), mode: 0o644)
        // link and not rename: it fails if another program has made the file meanwhile.
        guard link(draft, configuration) == 0 else {
            throw DTAError(.failedPrecondition, "\(configuration) cannot be written: \(errorText(errno))")
        }
        unlink(draft)
        try? PositionedFile.syncDirectory(directory(of: configuration))
    }

    /// A new PIN in its file; or that of an existing token, at the place where the units look for it.
    private func pin(_ made: inout MadeFiles) throws -> SecretBytes {
        guard let existingPINFile else {
            let pin = try RandomPIN.make()
            try made.secret(pinFile, pin)
            return pin
        }
        let pin = try PINFile.read(existingPINFile)
        if users != nil, existingPINFile != pinFile { try made.secret(pinFile, pin) }
        return pin
    }

    /// dtad-hsm's user makes its own files, so that root touches nothing that another user could change.
    private func makeSoftHSMFiles(_ made: inout MadeFiles) throws {
        let conf = "directories.tokendir = \(tokens)\nobjectstore.backend = file\nlog.level = ERROR\n"
        func make(_ made: inout MadeFiles) throws {
            try made.file(softhsmConf, conf, mode: 0o600)
            try made.directory(tokens, mode: 0o700, owner: nil)
        }
        guard let hsm = users?.hsm else { return try make(&made) }
        _ = try hsm.run {
            var own = MadeFiles()
            do {
                try make(&own)
            } catch {
                own.takeBack()
                throw error
            }
            return []
        }
        made.note(file: softhsmConf, directory: tokens, of: hsm)
    }

    private func yaml(pinFile: String) -> String {
        var lines = [
            "# What dtad and dtad-hsm read; docs/configuration.md tells of every key.",
            "state: \"\(state)\"",
            "hsm:",
            "  module: \"\(module)\"",
            "  token: \(InitPlan.quoted(token))",
        ]
        if users == nil {
            lines.append("  pin_file: \"\(pinFile)\"")
        } else {
            lines.append("  # The PIN is a credential of dtad-hsm@.service; only that unit's user sees it.")
            lines.append("  socket: \"\(InitPlan.installedSocket)\"")
        }
        if isSoftHSM { lines.append("  softhsm_conf: \"\(softhsmConf)\"") }
        lines.append("  lock_file: \"\(hsmDirectory)/hsm.lock\"")
        if users != nil {
            lines.append("# Users that only carry, and make no keys or identities of their own: the gateway's.")
            lines.append("couriers: [\"unix:user:dtagw\"]")
        }
        lines.append("# Grants let users use keys of others:")
        lines.append("# grants:")
        lines.append("#   - to: [\"unix:user:deploy\"]")
        lines.append("#     keys: [\"release-*\"]")
        lines.append("#     operations: [sign, public]")
        return lines.joined(separator: "\n") + "\n"
    }

    private var summary: [String] {
        var lines = ["configuration   \(configuration)", "state           \(state)"]
        if isSoftHSM {
            lines.append("token           \"\(token)\" in \(tokens)")
            lines.append("PIN             \(pinFile)")
            lines.append("SO PIN          \(officerFile)   (needed to reset the PIN; keep it elsewhere)")
        } else {
            lines.append("token           \"\(token)\" of \(module)")
        }
        lines.append("import key      \(importFile)   (dtactl key import trusts it)")
        if users == nil {
            lines.append("")
            lines.append("next: dtad run --config \(configuration) --socket \(state)/agent.sock")
            lines.append("      dtactl --socket \(state)/agent.sock status")
        } else {
            lines.append("owners          dtad has the state; dta-hsm has the token; root has the PINs")
            lines.append("")
            lines.append("next: systemctl enable --now dtad.socket dtad-hsm.socket dtad.service")
            lines.append("      usermod -aG dta NAME      for each user who may connect")
        }
        return lines
    }

    // MARK: Steps

    /// The public half of the key for imports, in PEM.
    private func importKey(_ configuration: String, _ pin: SecretBytes) throws -> String {
        let made = try CustodyCommand.run(
            ["--import-key", "--pins-on-stdin", "--config", configuration], pins: [pin], as: users?.hsm)
        guard made.status == 0, made.output.hasPrefix("-----BEGIN PUBLIC KEY-----\n") else {
            throw DTAError(.failedPrecondition, "dtad-hsm could not make the key for imports: see its message above")
        }
        return made.output
    }

    private func runCustody(_ arguments: [String], _ pins: [SecretBytes]) throws {
        guard try CustodyCommand.run(arguments, pins: pins, as: users?.hsm).status == 0 else {
            throw DTAError(.failedPrecondition, "dtad-hsm could not make the token: see its message above")
        }
    }

    /// The owner of the units' state; nil for any other directory.
    static func ownerOfInstalledState(_ state: String) -> StateOwner? {
        geteuid() == 0 && state == installedState ? user("dtad") : nil
    }

    /// The user of dtad-hsm's unit; nil if there is none.
    static var custodian: StateOwner? { user("dta-hsm") }

    private static func user(_ name: String) -> StateOwner? {
        guard let entry = getpwnam(name) else { return nil }
        return StateOwner(uid: entry.pointee.pw_uid, gid: entry.pointee.pw_gid)
    }

    static func absolute(_ path: String) throws -> String {
        var path = path
        while path.count > 1, path.hasSuffix("/") { path.removeLast() }
        if path.hasPrefix("/") { return path }
        guard let here = getcwd(nil, 0) else { throw SystemCallError("getcwd", errno: errno) }
        defer { free(here) }
        return String(cString: here) + "/" + path
    }

    private func directory(of path: String) -> String {
        String(path[..<(path.lastIndex(of: "/") ?? path.startIndex)])
    }
}
