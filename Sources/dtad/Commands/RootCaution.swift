import DTACore
import DTASystem
import Glibc

/// What commands see to that root may run on the state of another user.
enum RootCaution {
    /// The configuration names the library that is loaded and the directory that is used: for root, it must not be a third
    /// user's to write.
    /// - Returns: whose the state is; nil where there is none yet.
    /// - Throws: `DTAError.failedPrecondition`.
    @discardableResult
    static func check(_ configuration: String, state: String) throws -> StateOwner? {
        let owner = try owner(of: state)
        guard geteuid() == 0 else { return owner }
        var status = stat()
        try systemCall("stat(\(configuration))") { stat(configuration, &status) }
        guard status.st_uid == 0 || status.st_uid == owner?.uid else {
            throw DTAError(
                .failedPrecondition,
                "the configuration \(configuration) belongs to \(UserDatabase.caller(uid: status.st_uid).display), and the state "
                    + "\(state) does not: root does not act on it",
                hint: "run this as that user, or chown root \(configuration)")
        }
        guard status.st_mode & S_IWOTH == 0 else {
            throw DTAError(
                .failedPrecondition, "everybody may write the configuration \(configuration)",
                hint: "chmod go-w \(configuration)")
        }
        return owner
    }

    /// Becomes the owner of the state for good, where root runs this and somebody else owns it.
    static func becomeOwner(_ configuration: String, state: String) throws {
        try check(configuration, state: state)?.become()
    }

    private static func owner(of state: String) throws -> StateOwner? {
        do {
            return try StateOwner(of: state)
        } catch let error as DTAError where error.code == .notFound {
            return nil
        }
    }
}
