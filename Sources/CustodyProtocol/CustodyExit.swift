import DTASystem

/// Why dtad-hsm ended, as its exit status; it is also in the last answer, because dtad sees no exit status of a process
/// that systemd started. The numbers never change. As an exit status, `configuration` is 78, EX_CONFIG of sysexits.h,
/// so that the service manager does not start it again.
public enum CustodyExit: UInt8, Sendable, CaseIterable {
    /// The front closed the connection, or a command was carried out.
    case finished = 0
    /// A failure without a status of its own.
    case failed = 1
    /// The command line is wrong.
    case usage = 2
    /// The token refused the PIN, or locked it. Never start another dtad-hsm with this PIN: some HSMs destroy their
    /// keys after a few wrong ones.
    case wrongPIN = 10
    /// The token, or its keys of dtad, cannot be found: start again, with back-off.
    case tokenAway = 11
    /// The PKCS#11 module cannot be loaded, or wants arguments that dtad-hsm does not give.
    case moduleMissing = 12
    /// The configuration, or the file with the PIN, cannot be used.
    case configuration = 13
    /// `--init` only: a token of that label exists already.
    case tokenExists = 14
    /// The token is not the one that the agent's state belongs to: start again, with back-off.
    case otherToken = 15
    /// The token lacks a mechanism that D-TA needs.
    case tokenUnfit = 16

    /// The exit status of the process.
    public var status: Int32 { self == .configuration ? 78 : Int32(rawValue) }
}

/// Why dtad-hsm does not serve.
public struct CustodyStartError: Error, Sendable, Equatable {
    /// What to tell people.
    public var reason: DTAError
    /// What to do about it.
    public var exit: CustodyExit

    public init(_ reason: DTAError, _ exit: CustodyExit) {
        self.reason = reason
        self.exit = exit
    }
}
