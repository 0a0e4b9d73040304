import DTAFormats
import DTASystem
import Glibc

/// The public half of the token's key for imports, which `dtad init` wrote. It says which dtad-hsm may get a key, so only
/// root, or the user who runs dtactl, may be able to change it.
enum AgentKeyFile {
    private static let installed = "/etc/dtad/import.pem"
    private static let limit = 4096

    static func path(_ named: String?) -> String { named ?? environment("DTA_AGENT_KEY") ?? installed }

    /// - Parameter named: the file of the command line, if there is one.
    static func read(_ named: String?) throws -> PublicKey {
        let path = path(named)
        do {
            // The path is checked before the file is read: if no other user can change it, it stays as it is.
            let open = try PathWay(to: path).steps.first { $0.isOpen || ![0, geteuid()].contains($0.owner) }
            if let open {
                throw Failure.failed(
                    .failedPrecondition,
                    "\(path) does not say to whom a key may be sent: others could change \(open.path)",
                    hint: "it, and all folders on the way to it, must be root's or yours, and writable for nobody else")
            }
        } catch let error as SystemCallError {
            throw Failure.failed(
                .notFound, "\(path), which says to whom a key may be sent, cannot be read: \(error)",
                hint: "dtad init writes it; for an older agent an administrator does (docs/operations.md)")
        }
        let text = try String(decoding: InputFile(path).all(limit: limit), as: UTF8.self)
        guard let key = try? PublicKey(pem: text) else {
            throw Failure.failed(.invalidArgument, "\(path) holds no public key in PEM")
        }
        return key
    }
}
