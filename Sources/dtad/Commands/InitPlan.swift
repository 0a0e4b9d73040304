import CLinux
import DTASystem
import Glibc

/// What `dtad init` makes, and for whom.
struct InitPlan {
    private let state: String
    private let module: String
    private let token: String
    private let configuration: String
    private let existingPINFile: String?
    /// The users of the installed layout; nil where everything belongs to who runs this.
    private let users: (dtad: Account, hsm: Account)?

    typealias Account = (uid: uid_t, gid: gid_t)

    // The installed layout; the units name these paths too.
    private static let installedState = "/var/lib/dtad"
    private static let installedConfiguration = "/etc/dtad/dtad.yaml"
    private static let installedHSM = "/var/lib/dta-hsm"
    private static let installedSocket = "/run/dtad/hsm.sock"

    private var isSoftHSM: Bool { module.split(separator: "/").last?.contains("softhsm") ?? false }
    private var hsmDirectory: String { users == nil ? state : InitPlan.installedHSM }
    /// Root's, in the installed layout: systemd reads it and passes it on as a credential.
    private var pinDirectory: String { users == nil ? state : directory(of: configuration) }
    private var pinFile: String { "\(pinDirectory)/hsm-pin" }
    private var officerFile: String { "\(pinDirectory)/hsm-so-pin" }
    private var softhsmConf: String { "\(hsmDirectory)/softhsm2.conf" }
    private var tokens: String { "\(hsmDirectory)/tokens" }

    init(state: String, module: String, token: String, configuration: String?, existingPINFile: String?) throws {
        self.state = try InitPlan.absolute(state)
        self.module = try InitPlan.absolute(module)
        self.token = token
        self.existingPINFile = try existingPINFile.map(InitPlan.absolute)
        if geteuid() == 0, self.state == InitPlan.installedState {
            guard let dtad = InitPlan.user("dtad"), let hsm = InitPlan.user("dta-hsm") else {
                throw DTAError(
                    .failedPrecondition, "\(self.state) belongs to the users dtad and dta-hsm, who do not exist yet",
                    hint: "systemd-sysusers makes them, from sysusers.d/dtad.conf")
            }
            users = (dtad, hsm)
        } else {
            users = nil
        }
        // dtad must not be able to change the file that names the library which dtad-hsm loads.
        let usual = users == nil ? "\(self.state)/dtad.yaml" : InitPlan.installedConfiguration
        self.configuration = try configuration.map(InitPlan.absolute) ?? usual
        try check()
    }

    private func check() throws {
        guard (1...32).contains(token.utf8.count),
            token.unicodeScalars.allSatisfy({ $0.value > 0x20 && $0.value < 0x7f })
        else {
            throw DTAError(.invalidArgument, "a token's label has 1 to 32 visible ASCII characters without spaces")
        }
        guard access(module, R_OK) == 0 else {
            throw DTAError(
                .notFound, "the PKCS#11 module \(module) cannot be read: \(errorText(errno))",
                hint: isSoftHSM ? "apt-get install softhsm2" : "--module names the shared library of your HSM")
        }
        for path in [state, configuration, tokens, module] where !path.unicodeScalars.allSatisfy(InitPlan.isPlain) {
            throw DTAError(.invalidArgument, "\"\(path)\" has characters that a configuration cannot hold")
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
        let made = isSoftHSM ? [configuration, pinFile, officerFile, softhsmConf, tokens] : [configuration]
        for path in made where access(path, F_OK) == 0 {
            throw DTAError(
                .failedPrecondition, "\(path) exists already: nothing is overwritten",
                hint: "choose another --state, or remove the old one if its keys are of no more use")
        }
    }

    /// - Returns: lines that tell people what is where.
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
        try made.directory(state, mode: 0o700, owner: users?.dtad)
        if users != nil { try made.directory(hsmDirectory, mode: 0o700, owner: users?.hsm) }
        if directory(of: configuration) != state {
            try made.directory(directory(of: configuration), mode: 0o755, owner: nil)
        }
        // Under another name until all is done: a configuration that stands there is one that works.
        let draft = configuration + ".init"
        unlink(draft)
        if isSoftHSM {
            try made.file(pinFile, try InitPlan.randomPIN() + "\n", mode: 0o600, owner: nil)
            try made.file(officerFile, try InitPlan.randomPIN() + "\n", mode: 0o600, owner: nil)
            let conf = "directories.tokendir = \(tokens)\nobjectstore.backend = file\nlog.level = ERROR\n"
            try made.file(softhsmConf, conf, mode: 0o600, owner: users?.hsm)
            try made.directory(tokens, mode: 0o700, owner: users?.hsm)
            try made.file(draft, yaml(pinFile: pinFile), mode: 0o644, owner: nil)
            try runCustody(["--init", "--config", draft, "--pin-file", pinFile, "--so-pin-file", officerFile])
            if let hsm = users?.hsm { try handOver(hsmDirectory, to: hsm) }
        } else {
            try made.file(draft, yaml(pinFile: existingPINFile ?? pinFile), mode: 0o644, owner: nil)
            try runCustody(["--init", "--keys-only", "--config", draft])
        }
        // link and not rename: it fails where somebody else has made the file meanwhile.
        guard link(draft, configuration) == 0 else {
            throw DTAError(.failedPrecondition, "\(configuration) cannot be written: \(errorText(errno))")
        }
        unlink(draft)
        sync(directory(of: configuration))
    }

    private func yaml(pinFile: String) -> String {
        var lines = [
            "# What dtad and dtad-hsm read; docs/configuration.md tells of every key.",
            "state: \"\(state)\"",
            "hsm:",
            "  module: \"\(module)\"",
            "  token: \"\(token)\"",
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
            lines.append("# Who only carries, and makes no keys or identities of its own: the gateway.")
            lines.append("couriers: [\"unix:user:dtagw\"]")
        }
        lines.append("# Who may use keys that are not theirs:")
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

    private func runCustody(_ arguments: [String]) throws {
        let pid = try CustodyProgram.spawn(arguments, socket: nil)
        var status: Int32 = 0
        try systemCall("waitpid") { waitpid(pid, &status, 0) }
        guard status == 0 else {
            throw DTAError(.failedPrecondition, "dtad-hsm could not make the token: see its message above")
        }
    }

    /// Gives a directory and all below it to a user. Only root's own files are in it by now.
    private func handOver(_ path: String, to user: Account) throws {
        try systemCall("lchown(\(path))") { lchown(path, user.uid, user.gid) }
        guard let directory = opendir(path) else { throw SystemCallError("opendir(\(path))", errno: errno) }
        defer { closedir(directory) }
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            guard name != ".", name != ".." else { continue }
            var status = stat()
            let below = "\(path)/\(name)"
            try systemCall("lstat(\(below))") { lstat(below, &status) }
            if status.st_mode & S_IFMT == S_IFDIR {
                try handOver(below, to: user)
            } else {
                try systemCall("lchown(\(below))") { lchown(below, user.uid, user.gid) }
            }
        }
    }

    /// 32 characters of 6 random bits each.
    private static func randomPIN() throws -> String {
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
        var bytes = [UInt8](repeating: 0, count: 32)
        defer { wipe(&bytes) }
        guard bytes.withUnsafeMutableBytes({ getrandom($0.baseAddress!, $0.count, 0) }) == bytes.count else {
            throw SystemCallError("getrandom", errno: errno)
        }
        return String(bytes.map { alphabet[Int($0 & 63)] })
    }

    /// Whose the state of the units is; nil for any other directory.
    static func ownerOfInstalledState(_ state: String) -> Account? {
        geteuid() == 0 && state == installedState ? user("dtad") : nil
    }

    private static func user(_ name: String) -> Account? {
        guard let entry = getpwnam(name) else { return nil }
        return (entry.pointee.pw_uid, entry.pointee.pw_gid)
    }

    private static func isPlain(_ scalar: Unicode.Scalar) -> Bool {
        scalar.value >= 0x20 && scalar.value != 0x7f && scalar != "\"" && scalar != "\\"
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

    private func sync(_ directory: String) {
        let number = open(directory, O_RDONLY | O_CLOEXEC)
        guard number >= 0 else { return }
        fsync(number)
        close(number)
    }
}
