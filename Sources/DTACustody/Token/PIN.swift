import CustodyProtocol
import DTASystem
import Glibc

/// The PIN, from a credential of the service manager or a file. It never comes from the command line or an environment
/// variable, which other users can see.
public enum PIN {
    /// What helps if there is no PIN.
    public static let standardHint = "set hsm.pin_file, or LoadCredential=hsm-pin:… in the unit"

    /// The longest PIN; PKCS#11 gives no bound.
    public static let limit = 255

    /// Reads the user's PIN: `$CREDENTIALS_DIRECTORY/hsm-pin`, else `file`.
    /// - Parameter hint: what helps if there is neither.
    /// - Throws: `CustodyStartError` with `.configuration`.
    public static func read(file: String?, hint: String = standardHint) throws -> SecretBytes {
        if let directory = getenv("CREDENTIALS_DIRECTORY").map({ String(cString: $0) }) {
            let path = directory + "/hsm-pin"
            // The service manager may give us the file by an access list, which shows as a mode for the group.
            if access(path, F_OK) == 0 { return try read(path, ownersOnly: false) }
        }
        guard let file else {
            throw refusal(
                "there is no PIN for the HSM: no credential hsm-pin, and the configuration names no file",
                hint: hint)
        }
        return try read(file, ownersOnly: true)
    }

    /// Reads a PIN from a regular file, without the newline at its end. The PIN is never in memory that can be swapped
    /// out or dumped.
    public static func read(_ path: String, ownersOnly: Bool) throws -> SecretBytes {
        // Without O_NONBLOCK, opening a FIFO would wait for ever.
        let number = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
        guard number >= 0 else {
            throw refusal(
                "the file with the HSM's PIN, \(path), cannot be read: \(errorText(errno))",
                hint: "it must be a regular file that belongs to the user of dtad-hsm")
        }
        let file = Descriptor(owning: number)
        var status = stat()
        try systemCall("fstat") { fstat(file.number, &status) }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw refusal("the file with the HSM's PIN, \(path), is not a regular file")
        }
        if ownersOnly {
            guard status.st_uid == geteuid() || status.st_uid == 0 else {
                throw refusal(
                    "the file with the HSM's PIN, \(path), belongs to uid \(status.st_uid), who could change it",
                    hint: "chown it to the user of dtad-hsm")
            }
            guard status.st_mode & 0o077 == 0 else {
                throw refusal(
                    "the file with the HSM's PIN, \(path), can be read or written by others", hint: "chmod 600 \(path)")
            }
        }
        var count = 0
        let all = try SecretBytes(count: limit + 2) { count = try fill($0, from: file.number) }
        return try all.withUnsafeBytes { bytes in
            if count > 0, bytes[count - 1] == UInt8(ascii: "\n") { count -= 1 }
            guard (1...limit).contains(count) else {
                throw refusal("the file with the HSM's PIN, \(path), must hold a PIN of 1 to \(limit) bytes")
            }
            let pin = UnsafeRawBufferPointer(rebasing: bytes[..<count])
            return try SecretBytes(count: count) { $0.copyMemory(from: pin) }
        }
    }

    /// - Throws: `CustodyStartError` if a change of the PIN is under way: a wrong one would cost an attempt.
    public static func refusePending(_ options: HSMOptions) throws {
        guard let pending = options.pendingPINFiles.first(where: isPending) else { return }
        if let fault = try FileKind.fault(at: pending) {
            throw refusal(
                "no PIN is tried, because \(pending) \(fault): only dtad pin change may put something there",
                hint: "look what it is and move it away; dtad goes on by itself then")
        }
        throw CustodyStartError(
            DTAError(
                .unavailable, "the HSM's PIN is being changed: \(pending) is there",
                hint: "if it is not being changed any more, dtad pin change finishes what was begun"),
            .tokenAway)
    }

    /// If the file is empty, the change has not begun: the token gets the new PIN after it is on the disk.
    private static func isPending(_ path: String) -> Bool {
        var status = stat()
        return lstat(path, &status) == 0 && (status.st_mode & S_IFMT != S_IFREG || status.st_size > 0)
    }

    /// Reads PINs that dtad passes: one a line, and nothing after them.
    public static func readLines(_ count: Int, from descriptor: Int32) throws -> [SecretBytes] {
        var used = 0
        let all = try SecretBytes(count: count * (limit + 1) + 1) { used = try fill($0, from: descriptor) }
        return try all.withUnsafeBytes { bytes in
            let lines = bytes[..<used].split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
            guard lines.count == count + 1, lines.last?.isEmpty == true,
                lines.dropLast().allSatisfy({ (1...limit).contains($0.count) })
            else { throw refusal("standard input must have \(count) PINs, each a line of 1 to \(limit) bytes") }
            return try lines.dropLast().map { line in
                let pin = UnsafeRawBufferPointer(rebasing: line)
                return try SecretBytes(count: line.count) { $0.copyMemory(from: pin) }
            }
        }
    }

    private static func refusal(_ message: String, hint: String = "") -> CustodyStartError {
        CustodyStartError(DTAError(.failedPrecondition, message, hint: hint), .configuration)
    }
}
