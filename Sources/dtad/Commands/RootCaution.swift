import DTAConfiguration
import DTAMaintenance
import DTASystem
import Glibc

/// The configuration for commands that root may run on the state of another user. It names the library and the
/// directory. If root runs the command, only root and the owner of that state may be able to change it.
struct RootCaution {
    let configuration: Configuration
    private let path: String
    /// The steps of its path; nil if this is not root.
    private let way: PathWay?

    /// Reads the configuration, after its path was checked: a file that no other user can change stays as it is.
    init(_ path: String) throws {
        self.path = path
        let way = geteuid() == 0 ? Result { try PathWay(to: path) } : nil
        configuration = try Configuration.load(path)
        self.way = try way?.get()
    }

    /// - Returns: the owner of the state; nil if there is none yet.
    /// - Throws: `DTAError.failedPrecondition`.
    @discardableResult
    func check() throws -> StateOwner? {
        let owner = try owner()
        try check(owner: owner?.uid)
        return owner
    }

    /// The same for a command that works only on the state of its own user, and checks the state itself.
    func checkConfiguration() throws {
        var status = stat()
        try check(owner: lstat(configuration.state, &status) == 0 ? status.st_uid : nil)
    }

    /// The same for a command that works as dtad-hsm's user: only root may choose the library, and not the owner of the
    /// state, who is on the other side of the wall.
    func checkIsRootsAlone() throws {
        try check(owner: nil)
    }

    /// Becomes the owner of the state for good, if root runs this and another user owns it.
    func becomeOwner() throws { try check()?.become() }

    private func check(owner: UInt32?) throws {
        try way?.require(
            owner: owner, "the configuration",
            hint: owner == nil || owner == 0
                ? "root's configuration, and all folders on the way to it, must be root's"
                : "run this as the owner of the state \(configuration.state), or give \(path) to root")
    }

    private func owner() throws -> StateOwner? {
        do {
            return try StateOwner(of: configuration.state)
        } catch let error as DTAError where error.code == .notFound {
            return nil
        }
    }
}
