/// The program at the other end of a connection, as the kernel says, fixed when it connected.
public struct Caller: Sendable, Equatable {
    public var pid: Int32
    public var uid: UInt32
    public var gid: UInt32
    /// Supplementary groups (SO_PEERGROUPS); the primary one is `gid`.
    public var groups: [UInt32]
    /// The name of `uid` in the user database; empty if it has none.
    public var userName: String
    /// The path of the program that connected, if this process may see it.
    public var executable: String?
    /// The SHA-256 of that program in hexadecimal, if a grant asks for it.
    public var executableDigest: String?
    /// The systemd *system* unit that the program runs in, if it runs in one.
    public var unit: String?

    public init(
        pid: Int32, uid: UInt32, gid: UInt32, groups: [UInt32] = [], userName: String, executable: String? = nil,
        executableDigest: String? = nil, unit: String? = nil
    ) {
        self.pid = pid
        self.uid = uid
        self.gid = gid
        self.groups = groups
        self.userName = userName
        self.executable = executable
        self.executableDigest = executableDigest
        self.unit = unit
    }

    /// Root may administer; that does not let it use a key.
    public var isAdministrator: Bool { uid == 0 }

    /// For people: `alice (1000)`.
    public var display: String { userName.isEmpty ? "uid \(uid)" : "\(userName) (\(uid))" }
}
