import CustodyProtocol
import DTAConfiguration
import DTACustody
import DTASystem
import Glibc

/// The start of dtad-hsm: it reads the configuration, and becomes the user that may load the named library. If root
/// starts it, only root and that user may be able to change the configuration.
struct HSMStart {
    let options: HSMOptions
    /// The user as whom a command of root goes on; nil: the user who runs it.
    private let owner: (uid: UInt32, gid: UInt32)?
    /// Whether files that the configuration names may be read with the rights of the user who runs this.
    private let mayReadFiles: Bool

    /// - Parameter becomesOwner: whether root is to become the owner of the lock's folder, who owns the token. A
    ///   dtad-hsm that serves stays dtad's user.
    /// - Throws: `CustodyStartError` with `.configuration`.
    init(configuration file: String, becomesOwner: Bool) throws {
        let hsm: Configuration.HSM
        do {
            // The path is checked before the file is read: if no other user can change it, it stays as it is.
            let way = geteuid() == 0 ? Result { try PathWay(to: file) } : nil
            hsm = try Configuration.load(file).hsm
            owner = becomesOwner ? try UserProcess.anotherOwner(of: HSMStart.directory(of: hsm.lockFile)) : nil
            try way?.get().require(
                owner: owner?.uid, "the configuration",
                hint: "it, and all folders on the way to it, must be root's, or of the owner of hsm.lock_file's folder")
            mayReadFiles = try way?.get().isOwned(by: 0) ?? true
        } catch let error as SystemCallError {
            throw CustodyStartError(
                DTAError(.failedPrecondition, "the configuration \(file) cannot be used: \(error)"), .configuration)
        } catch {
            throw CustodyStartError(DTAError(error), .configuration)
        }
        options = HSMOptions(hsm, file: file)
    }

    /// Becomes the user who may load the module, and locks the memory first: root may lock all of it, that user may
    /// not.
    /// - Parameters: `file`: the file with the PIN, if the command line names it: it is read with the rights from
    ///   before. `hint`: what helps if there is none.
    /// - Returns: the PIN. One that the configuration names is read with those rights only if the configuration is
    ///   root's.
    func becomeOwner(pin file: String?, hint: String = PIN.standardHint) throws -> SecretBytes {
        let given: SecretBytes?
        if let file {
            given = try PIN.read(file, ownersOnly: true)
        } else {
            // A PIN file of the owner is read below, and an error there says why neither may read it.
            given = mayReadFiles ? try? PIN.read(file: options.pinFile) : nil
        }
        try becomeOwner()
        return try given ?? PIN.read(file: options.pinFile, hint: hint)
    }

    /// The same without a PIN.
    func becomeOwner() throws {
        if let owner { try UserProcess.become(uid: owner.uid, gid: owner.gid) }
        Hardening.lockMemory()
    }

    private static func directory(of path: String) -> String {
        let end = path.lastIndex(of: "/") ?? path.startIndex
        return end == path.startIndex ? "/" : String(path[..<end])
    }
}
