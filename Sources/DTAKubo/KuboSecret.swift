import DTAConfiguration
import DTAHTTP
import DTASystem
import Glibc

/// The secret that the node's RPC asks for, read once at the start.
enum KuboSecret {
    /// The line of the Authorization header (RFC 6750, RFC 7617).
    /// - Throws: `DTAError.failedPrecondition` that names the file and what is wrong with it.
    static func header(_ authorization: Configuration.Kubo.Authorization) throws -> SecretBytes {
        let scheme: HTTPSecret.Scheme = authorization.scheme == .bearer ? .bearer : .basic
        switch authorization.secret {
        case .file(let path): return try HTTPSecret.header(scheme, file: path, what: "the IPFS node's secret")
        case .credential(let name):
            guard let directory = unsafe getenv("CREDENTIALS_DIRECTORY") else {
                throw DTAError(
                    .failedPrecondition, "the service manager gave no credentials, and so none with the name \(name)",
                    hint: "set LoadCredential=\(name):FILE in a drop-in of dtad.service, or ledger.kubo.auth_file")
            }
            // The service manager may give the file to us by an access list, which shows as a mode for the group.
            return try HTTPSecret.header(
                scheme, file: unsafe String(cString: directory) + "/" + name, what: "the IPFS node's secret",
                ownersOnly: false)
        }
    }
}
