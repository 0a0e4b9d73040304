/// What an external plugin may take before it is ended.
public struct PluginLimits: Sendable, Equatable {
    /// From its start to the end of its answer.
    public var milliseconds = 5000
    /// Address space of each of its processes.
    public var memoryBytes = 256 << 20
    /// Of its answer.
    public var outputBytes = 256 << 10

    /// How much it may say on standard error.
    public static let errorBytes = 64 << 10
    /// Descriptors of each of its processes.
    public static let files = 64
    /// Tasks that a plugin's user may have beyond those that it has already.
    public static let processes = 64
    /// Bytes of a request, its newline included: more than any order can need.
    public static let requestBytes = 1 << 20

    /// How deep an answer's JSON is at most.
    static let depth = 8

    public init() {}
}
