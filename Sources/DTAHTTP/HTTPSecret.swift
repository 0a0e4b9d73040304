import DTABytes
import DTASystem
import Glibc

/// A secret that an HTTP service asks for, kept in a file: never in an argument, the environment or a configuration.
public enum HTTPSecret {
    public enum Scheme: Sendable { case bearer, basic }

    private static let limit = 4096

    /// The line of the Authorization header (RFC 6750, RFC 7617).
    /// - Parameters:
    ///   - what: the secret's name in sentences: `the IPFS node's secret`.
    ///   - ownersOnly: whether the file must be this user's or root's, and not readable by others. Root's group may
    ///     read a file that root lets this user read, as systemd makes credentials.
    /// - Throws: `DTAError.failedPrecondition` that names the file and what is wrong with it.
    public static func header(
        _ scheme: Scheme, file path: String, what: String, ownersOnly: Bool = true
    ) throws -> SecretBytes {
        let content = try read(path, what, ownersOnly)
        let secret = content.withBytes { bytes in
            let isEnded = !bytes.isEmpty && bytes[bytes.count - 1] == UInt8(ascii: "\n")
            return Secret(copying: isEnded ? bytes.extracting(droppingLast: 1) : bytes)
        }
        // A line's end in it would begin another header.
        guard !secret.isEmpty, secret.allSatisfy({ $0 >= 0x20 && $0 != 0x7f }) else {
            throw DTAError(.failedPrecondition, "\(what) in \(path) must be one line of text")
        }
        switch scheme {
        case .bearer:
            guard secret.allSatisfy({ (0x21...0x7e).contains($0) }) else {
                throw DTAError(.failedPrecondition, "the token in \(path) has characters that no token has")
            }
            return try line("Authorization: Bearer ", secret)
        case .basic:
            guard !secret.allSatisfy({ $0 != UInt8(ascii: ":") }) else {
                throw DTAError(.failedPrecondition, "\(path) must hold USER:PASSWORD")
            }
            return try line("Authorization: Basic ", Base64.encode(secret: secret))
        }
    }

    private static func line(_ beginning: String, _ secret: borrowing Secret) throws -> SecretBytes {
        try secret.between(Array(beginning.utf8), []).withBytes { try SecretBytes(copying: $0) }
    }

    private static func read(_ path: String, _ what: String, _ ownersOnly: Bool) throws -> Secret {
        func refusal(_ reason: String, hint: String = "") -> DTAError {
            DTAError(.failedPrecondition, "the file with \(what), \(path), \(reason)", hint: hint)
        }
        // Without O_NONBLOCK, opening a FIFO would wait for ever.
        let number = unsafe open(NativeText.path(path), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
        guard number >= 0 else {
            throw refusal(
                "cannot be read: \(errorText(errno))", hint: "it must belong to the user who runs this program")
        }
        let file = Descriptor(owning: number)
        var status = stat()
        try systemCall("fstat") { unsafe fstat(file.number, &status) }
        guard status.st_mode & S_IFMT == S_IFREG else { throw refusal("is not a regular file") }
        if ownersOnly {
            guard status.st_uid == geteuid() || status.st_uid == 0 else {
                throw refusal(
                    "belongs to uid \(status.st_uid)", hint: "chown it to the user who runs this program")
            }
            // A credential of systemd (LoadCredential=) is root's, 0440: its access list lets the service's user read
            // it, and the list's mask shows as the group's right.
            let others: mode_t = status.st_uid == 0 ? 0o037 : 0o077
            guard status.st_mode & others == 0 else {
                throw refusal("can be read or written by others", hint: "chmod 600 \(path)")
            }
        }
        let bytes = try unsafe Secret(capacity: limit + 1) { room, count in
            unsafe count = try file.read(into: room)
        }
        guard bytes.count <= limit else { throw refusal("is longer than \(limit) bytes") }
        return bytes
    }
}
