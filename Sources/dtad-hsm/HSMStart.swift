import CustodyProtocol
import DTAConfiguration
import DTACustody
import DTASystem
import Glibc

/// How dtad-hsm begins: it reads the configuration, and is then the user who may load what that names. If root starts it,
/// nobody could have changed the configuration beside root and that user.
struct HSMStart {
    let options: HSMOptions
    /// As whom a command goes on that root gives; nil: as the user who runs this.
    private let owner: (uid: UInt32, gid: UInt32)?
    /// Whether what the configuration names may be read with the rights of the user who runs this.
    private let mayReadFiles: Bool

    /// - Parameter becomesOwner: whether root is to become the owner of the lock's folder, whose token it is. A dtad-hsm that
    ///   serves stays what dtad is.
    /// - Throws: `CustodyStartError` with `.configuration`.
    init(configuration file: String, becomesOwner: Bool) throws {
        let hsm: Configuration.HSM
        do {
            // The way is looked at before the file is read: what nobody else could change then stays as it is.
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

    /// Becomes the user who may load the module, and locks the memory: what root may lock, that user may not ask for.
    /// - Parameters: `file`: the PIN, if the command line names it: then it is read with the rights that this has before.
    ///   `hint`: what helps if there is none.
    /// - Returns: the PIN. One that the configuration names is read with those rights only if the configuration is root's.
    func becomeOwner(pin file: String?, hint: String = PIN.standardHint) throws -> SecretBytes {
        let given: SecretBytes?
        if let file {
            given = try PIN.read(file, ownersOnly: true)
        } else {
            // One that is the owner's is read below, and if neither may read it, that says why.
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
