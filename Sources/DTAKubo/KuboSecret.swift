import DTAConfiguration
import DTASystem
import Foundation
import Glibc

/// The secret that the node's RPC asks for, read once at the start.
enum KuboSecret {
    private static let limit = 4096

    /// The line of the Authorization header (RFC 6750, RFC 7617).
    /// - Throws: `DTAError.failedPrecondition` that names the file and what is wrong with it.
    static func header(_ authorization: Configuration.Kubo.Authorization) throws -> SecretBytes {
        var secret: [UInt8]
        let place: String
        switch authorization.secret {
        case .file(let path):
            place = path
            secret = try read(path, ownersOnly: true)
        case .credential(let name):
            guard let directory = unsafe getenv("CREDENTIALS_DIRECTORY") else {
                throw DTAError(
                    .failedPrecondition, "the service manager gave no credentials, and so none with the name \(name)",
                    hint: "set LoadCredential=\(name):FILE in a drop-in of dtad.service, or ledger.kubo.auth_file")
            }
            place = unsafe String(cString: directory) + "/" + name
            // The service manager may give the file to us by an access list, which shows as a mode for the group.
            secret = try read(place, ownersOnly: false)
        }
        defer { wipe(&secret) }
        if secret.last == UInt8(ascii: "\n") { secret.removeLast() }
        // A line's end in it would begin another header.
        guard !secret.isEmpty, secret.allSatisfy({ $0 >= 0x20 && $0 != 0x7f }) else {
            throw DTAError(.failedPrecondition, "the IPFS node's secret in \(place) must be one line of text")
        }
        switch authorization.scheme {
        case .bearer:
            guard secret.allSatisfy({ (0x21...0x7e).contains($0) }) else {
                throw DTAError(.failedPrecondition, "the token in \(place) has characters that no token has")
            }
            return try SecretBytes(copying: Array("Authorization: Bearer ".utf8) + secret)
        case .basic:
            guard secret.contains(UInt8(ascii: ":")) else {
                throw DTAError(.failedPrecondition, "\(place) must hold USER:PASSWORD")
            }
            var encoded = Array(Data(secret).base64EncodedData())
            defer { wipe(&encoded) }
            return try SecretBytes(copying: Array("Authorization: Basic ".utf8) + encoded)
        }
    }

    private static func read(_ path: String, ownersOnly: Bool) throws -> [UInt8] {
        // Without O_NONBLOCK, opening a FIFO would wait for ever.
        let number = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
        guard number >= 0 else {
            throw refusal(path, "cannot be read: \(errorText(errno))", hint: "it must belong to the user of dtad")
        }
        let file = Descriptor(owning: number)
        var status = stat()
        try systemCall("fstat") { unsafe fstat(file.number, &status) }
        guard status.st_mode & S_IFMT == S_IFREG else { throw refusal(path, "is not a regular file") }
        if ownersOnly {
            guard status.st_uid == geteuid() || status.st_uid == 0 else {
                throw refusal(path, "belongs to uid \(status.st_uid)", hint: "chown it to the user of dtad")
            }
            guard status.st_mode & 0o077 == 0 else {
                throw refusal(path, "can be read or written by others", hint: "chmod 600 \(path)")
            }
        }
        var bytes = [UInt8](repeating: 0, count: limit + 1)
        let count = try unsafe bytes.withUnsafeMutableBytes { buffer in
            try systemCall("read") { unsafe Glibc.read(file.number, buffer.baseAddress, buffer.count) }
        }
        guard count <= limit else {
            wipe(&bytes)
            throw refusal(path, "is longer than \(limit) bytes")
        }
        bytes.removeLast(bytes.count - count)
        return bytes
    }

    private static func refusal(_ path: String, _ what: String, hint: String = "") -> DTAError {
        DTAError(.failedPrecondition, "the file with the IPFS node's secret, \(path), \(what)", hint: hint)
    }
}
