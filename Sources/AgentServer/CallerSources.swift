import DTASystem

/// What the server learns of callers from elsewhere than the kernel. Each may take long, so nobody but the one who is asked
/// about waits for it.
public struct CallerSources: Sendable {
    /// The name of a user; "" where the uid has none.
    public var userName: @Sendable (UInt32) -> String = { UserDatabase.name(of: $0) }
    /// Whether programs may have to be hashed at all. At once.
    public var hashesPrograms: @Sendable () -> Bool = { false }
    /// Whether this caller's has to be. At once.
    public var needsDigest: @Sendable (Caller) -> Bool = { _ in false }
    /// The SHA-256 of a program, in hexadecimal; nil where there is none. It was opened with O_PATH.
    public var digest: @Sendable (Descriptor) -> String? = { _ in nil }
    /// The user with which a uid counts for limits and turns. At once.
    public var payer: @Sendable (UInt32) -> UInt32 = { $0 }

    public init() {}
}
