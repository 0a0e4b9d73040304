import DTASystem

/// The user to whom a key, an identity or a block belongs: uid *and* name, so that a user who later gets the same uid
/// inherits nothing.
package struct Owner: Sendable, Hashable {
    package let uid: UInt32
    package let name: String

    package init(uid: UInt32, name: String) {
        self.uid = uid
        self.name = name
    }

    /// The agent itself: (uid_t)-1, which no user can have (POSIX), and a name that none can have either.
    package static let agent = Owner(uid: .max, name: ":agent")

    /// The host itself: administrators decide about what it owns.
    package static let host = Owner(uid: .max, name: ":host")

    /// The caller as an owner of something new.
    /// - Throws: `DTAError.failedPrecondition` if the uid does not stand for one user for long.
    package init(of caller: Caller) throws {
        if let reason = Owner.transience(of: caller) {
            throw DTAError(
                .failedPrecondition, "user \(caller.display) cannot own anything: \(reason)",
                hint: "run the program as a user of its own, with a name and a fixed uid")
        }
        self.init(uid: caller.uid, name: caller.userName)
    }

    /// Why a caller's uid cannot stand for one user over time; nil if it can.
    private static func transience(of caller: Caller) -> String? {
        switch caller.uid {
        case 65_534: "uid 65534 stands for users that have no uid here"
        case .max: "uid 4294967295 stands for no user"
        case 61_184...65_519: "systemd gives uid \(caller.uid) to one unit after the other (DynamicUser=)"
        default: caller.userName.isEmpty ? "uid \(caller.uid) has no name in the user database" : nil
        }
    }

    @inline(__always)
    package func isSame(as caller: Caller) -> Bool { uid == caller.uid && name == caller.userName }

    /// The form for people: `alice (1000)`.
    package var display: String {
        uid == .max ? (self == .agent ? "the agent itself" : "this host") : "\(name) (\(uid))"
    }
}
