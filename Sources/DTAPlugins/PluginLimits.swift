/// The limits of an external plugin.
public struct PluginLimits: Sendable, Equatable {
    /// The time from its start to the end of its answer.
    public var milliseconds = 5000
    /// Address space of each of its processes.
    public var memoryBytes = 256 << 20
    /// The bytes of its answer.
    public var outputBytes = 256 << 10

    /// The bytes that it may write to standard error.
    public static let errorBytes = 64 << 10
    /// Descriptors of each of its processes.
    public static let files = 64
    /// Tasks that a plugin's user may have beyond those that it has already.
    public static let processes = 64
    /// Bytes of a request, its newline included: more than any order can need.
    public static let requestBytes = 1 << 20

    /// The deepest nesting of an answer's JSON.
    static let depth = 8

    public init() {}
}
