import DTAConfiguration
import DTAMaintenance
import DTASystem
import Glibc

/// A configuration as commands read it that root may run on the state of another user. It names the library that is loaded
/// and the directory that is used: for root, nobody may be able to change it beside root and the owner of that state.
struct RootCaution {
    let configuration: Configuration
    private let path: String
    /// The way to it; nil if this is not root.
    private let way: PathWay?

    /// Reads the configuration. The way is looked at before: what nobody else could change then stays as it is.
    init(_ path: String) throws {
        self.path = path
        let way = geteuid() == 0 ? Result { try PathWay(to: path) } : nil
        configuration = try Configuration.load(path)
        self.way = try way?.get()
    }

    /// - Returns: whose the state is; nil if there is none yet.
    /// - Throws: `DTAError.failedPrecondition`.
    @discardableResult
    func check() throws -> StateOwner? {
        let owner = try owner()
        try check(owner: owner?.uid)
        return owner
    }

    /// The same for what works on the state of its own user alone, and judges the state itself.
    func checkConfiguration() throws {
        var status = stat()
        try check(owner: lstat(configuration.state, &status) == 0 ? status.st_uid : nil)
    }

    /// The same for what works as the user of dtad-hsm: nobody but root may choose what that one loads, not even the owner
    /// of the state, who is on the other side of the wall.
    func checkIsRootsAlone() throws {
        try check(owner: nil)
    }

    /// Becomes the owner of the state for good, if root runs this and somebody else owns it.
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
