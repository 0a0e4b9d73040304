import DTASystem
import Foundation
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
        var secret = try read(path, what, ownersOnly)
        defer { wipe(&secret) }
        if secret.last == UInt8(ascii: "\n") { secret.removeLast() }
        // A line's end in it would begin another header.
        guard !secret.isEmpty, secret.allSatisfy({ $0 >= 0x20 && $0 != 0x7f }) else {
            throw DTAError(.failedPrecondition, "\(what) in \(path) must be one line of text")
        }
        switch scheme {
        case .bearer:
            guard secret.allSatisfy({ (0x21...0x7e).contains($0) }) else {
                throw DTAError(.failedPrecondition, "the token in \(path) has characters that no token has")
            }
            return try SecretBytes(copying: Array("Authorization: Bearer ".utf8) + secret)
        case .basic:
            guard secret.contains(UInt8(ascii: ":")) else {
                throw DTAError(.failedPrecondition, "\(path) must hold USER:PASSWORD")
            }
            var encoded = Array(Data(secret).base64EncodedData())
            defer { wipe(&encoded) }
            return try SecretBytes(copying: Array("Authorization: Basic ".utf8) + encoded)
        }
    }

    private static func read(_ path: String, _ what: String, _ ownersOnly: Bool) throws -> [UInt8] {
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
        var bytes = [UInt8](repeating: 0, count: limit + 1)
        let count = try unsafe bytes.withUnsafeMutableBytes { buffer in
            try systemCall("read") { unsafe Glibc.read(file.number, buffer.baseAddress, buffer.count) }
        }
        guard count <= limit else {
            wipe(&bytes)
            throw refusal("is longer than \(limit) bytes")
        }
        bytes.removeLast(bytes.count - count)
        return bytes
    }
}
