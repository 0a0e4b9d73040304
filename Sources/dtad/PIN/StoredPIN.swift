import DTAConfiguration
import DTASystem
import Glibc

/// The PIN as it is kept on the disk: in a file, or encrypted by systemd-creds(1), which binds it to the host or its
/// TPM.
struct StoredPIN {
    let path: String
    private let isEncrypted: Bool

    private static let tool = "/usr/bin/systemd-creds"

    var pendingPath: String { Configuration.HSM.pendingPINFile(path) }
    /// The file to which the new PIN is written first, so that the pending file is complete or missing.
    private var draft: String { pendingPath + ".draft" }

    /// Finds it at the place from which dtad-hsm gets it.
    /// - Throws: `DTAError.failedPrecondition` if it is in no such place, or in two.
    static func find(_ hsm: Configuration.HSM, configuration: String) throws -> StoredPIN {
        let places = hsm.pinFiles(configuration: configuration)
        let found = places.filter { access($0, F_OK) == 0 }
        guard let path = found.first else {
            throw DTAError(
                .failedPrecondition,
                places.isEmpty
                    ? "hsm.pin_file is not set" : "there is no PIN: none of \(places.joined(separator: ", "))",
                hint: "if it is kept in another way, change it with the vendor's tool, and then there")
        }
        guard found.count == 1 else {
            throw DTAError(
                .failedPrecondition, "the PIN is in two files, \(found.joined(separator: " and "))",
                hint: "remove the one that the unit of dtad-hsm does not name (shred -u)")
        }
        return StoredPIN(path: path, isEncrypted: hsm.socket != nil && path.hasSuffix(".cred"))
    }

    func read() throws -> SecretBytes { try read(path) }
    func readPending() throws -> SecretBytes { try read(pendingPath) }

    /// Whether another run was stopped after it had put a new PIN there. If an earlier version was stopped before it
    /// had written all of it, the change has not begun, because the token is asked after that. The leftover is removed.
    func isPending() throws -> Bool {
        var status = stat()
        guard lstat(pendingPath, &status) == 0 else {
            guard errno == ENOENT else { throw SystemCallError("stat(\(pendingPath))", errno: errno) }
            return false
        }
        try PINFile.requireFile(pendingPath)
        guard try isEncrypted ? status.st_size == 0 : PINFile.isCutShort(pendingPath) else { return true }
        try dropPending()
        return false
    }

    /// Puts a PIN beside the one that is in use, on the disk when this returns.
    func writePending(_ pin: SecretBytes) throws {
        unlink(draft)
        if isEncrypted {
            try encrypt(pin, to: draft)
        } else {
            try PINFile.write(pin, to: draft)
        }
        try systemCall("rename(\(pendingPath))") { rename(draft, pendingPath) }
        try PINFile.syncDirectory(of: path)
    }

    private func encrypt(_ pin: SecretBytes, to file: String) throws {
        try run(["encrypt", "--name=hsm-pin", "-", file], [PINFile.line(pin)])
        let number = open(file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        guard number >= 0 else { throw DTAError(.unavailable, "\(file) cannot be read: \(errorText(errno))") }
        let opened = Descriptor(owning: number)
        try systemCall("fsync(\(file))") { fsync(opened.number) }
    }

    /// The new PIN takes the place of the old one.
    func adoptPending() throws {
        try systemCall("rename(\(path))") { rename(pendingPath, path) }
        try PINFile.syncDirectory(of: path)
    }

    func dropPending() throws {
        unlink(pendingPath)
        try PINFile.syncDirectory(of: path)
    }

    private func read(_ path: String) throws -> SecretBytes {
        isEncrypted ? try decrypt(path) : try PINFile.read(path)
    }

    private func decrypt(_ path: String) throws -> SecretBytes {
        let answer = try run(["decrypt", "--name=hsm-pin", path, "-"], [])
        return try PINFile.pin(in: answer, path)
    }

    @discardableResult
    private func run(_ arguments: [String], _ input: [SecretBytes]) throws -> SecretBytes {
        let done = try PipedCommand(program: Self.tool, arguments, input: input)
        guard done.status == 0 else {
            throw DTAError(
                .failedPrecondition, "systemd-creds \(arguments[0]) failed for \(path)", hint: "its message is above")
        }
        return done.output
    }
}
