import DTASSH
import DTASystem

/// Certificates that are offered beside keys.
extension SSHService {
    /// The most certificates of one key.
    private static let certificateLimit = 16

    /// Adds a certificate to an own key, or removes one.
    /// - Parameters:
    ///   - decision: `add` or `remove`.
    ///   - blob: the certificate; of `remove`, none: all.
    package func certify(_ caller: Caller, name: String, decision: String, blob: [UInt8]) throws -> SSHIdentity {
        let key = try own(caller, name, to: "certify")
        switch decision {
        case "add": try add(blob, to: key)
        case "remove":
            let left = blob.isEmpty ? [] : table.certificates(of: key.object).filter { $0.blob != blob }
            guard blob.isEmpty || left.count < table.certificates(of: key.object).count else {
                throw DTAError(.notFound, "key \(quoted(name)) does not have this certificate")
            }
            try table.setCertificates(of: key.object, left)
        default: throw DTAError(.invalidArgument, "a certificate is added or removed: add, remove")
        }
        return try identity(caller, of: key)
    }

    private func add(_ blob: [UInt8], to key: KeyRecord) throws {
        let read: SSHKey
        do throws(SSHFormatError) { read = try SSHKey(blob: blob) } catch {
            throw DTAError(.invalidArgument, "this is no certificate of SSH: \(error.reason)")
        }
        guard let certificate = read.certificate else {
            throw DTAError(.invalidArgument, "this is a key, and no certificate")
        }
        guard certificate.key == key.sshKey else {
            throw DTAError(.invalidArgument, "this certificate is for another key than \(quoted(key.name))")
        }
        guard certificate.kind == .user else {
            throw DTAError(
                .invalidArgument, "this certificate is for a host: sshd reads it from a file (HostCertificate)")
        }
        guard certificate.isSigned else {
            throw DTAError(.invalidArgument, "this certificate has no valid signature of its authority")
        }
        guard certificate.validBefore > now else {
            throw DTAError(.failedPrecondition, "this certificate has ended")
        }
        var all = table.certificates(of: key.object)
        guard !all.contains(read) else { return }
        guard all.count < Self.certificateLimit else {
            throw DTAError(
                .resourceExhausted,
                "key \(quoted(key.name)) has \(Self.certificateLimit) certificates, and that is the limit",
                hint: "remove those that have ended")
        }
        all.append(read)
        try table.setCertificates(of: key.object, all)
    }
}
