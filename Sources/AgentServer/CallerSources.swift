import DTASystem

/// What the server learns of callers from other sources than the kernel. Each question may take long, so only the
/// caller that it is about waits for the answer.
public struct CallerSources: Sendable {
    /// The name of a user; "" if the uid has none.
    public var userName: @Sendable (UInt32) -> String = { UserDatabase.name(of: $0) }
    /// Whether programs may have to be hashed at all. Does not wait.
    public var hashesPrograms: @Sendable () -> Bool = { false }
    /// Whether this caller's program has to be. Does not wait.
    public var needsDigest: @Sendable (Caller) -> Bool = { _ in false }
    /// The SHA-256 of a program, in hexadecimal; nil if there is none. It was opened with O_PATH.
    public var digest: @Sendable (Descriptor) -> String? = { _ in nil }
    /// The user as whom a uid counts for limits and turns. Does not wait.
    public var payer: @Sendable (UInt32) -> UInt32 = { $0 }

    public init() {}
}
