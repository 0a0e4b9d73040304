import DTASystem

extension Configuration {
    /// External plugins: programs that judge orders, or keep their secrets.
    public struct Plugins: Sendable, Equatable {
        public enum Run: String, Sendable, CaseIterable {
            case off
            /// Started by systemd, each call as a user of its own.
            case service
            /// Started by dtad, as its own user.
            case ownUser = "own_user"
        }

        public var run = Run.off
        /// The folder of the programs, which only root may write to. "" only if they are off.
        public var directory = ""
        /// The folder of their sockets, on which systemd listens.
        public var sockets = "/run/dtad/plugins"
        public var timeMilliseconds = 5000
        /// Of each process that dtad starts. If systemd starts it, the unit has the bound.
        public var memoryBytes = 256 << 20
        public var outputBytes = 256 << 10
        /// How many calls of one plugin run at a time.
        public var calls = 3

        public init() {}
    }

    mutating func readPlugins(_ top: inout Section, file: String, absolute: (String?) -> String?) throws {
        var section = try top.section("plugins")
        plugins.run = try section.choice("run", Plugins.Run.self) ?? plugins.run
        plugins.directory = absolute(try section.string("directory")) ?? plugins.directory
        let sockets = absolute(try section.string("sockets"))
        let memory = try section.int("memory_bytes", in: (16 << 20)...(16 << 30))
        plugins.timeMilliseconds = try section.int("time_ms", in: 100...60_000) ?? plugins.timeMilliseconds
        plugins.outputBytes = try section.int("output_bytes", in: (4 << 10)...(1 << 20)) ?? plugins.outputBytes
        plugins.calls = try section.int("calls", in: 1...8) ?? plugins.calls
        try section.finish()
        guard plugins.run == .off || !plugins.directory.isEmpty else {
            throw DTAError(
                .invalidArgument, "\(file): plugins.directory must name the directory of the plugins",
                hint: "docs/plugins.md says who may write there")
        }
        guard sockets == nil || plugins.run != .ownUser else {
            throw DTAError(.invalidArgument, "\(file): plugins.sockets is for run: service only")
        }
        guard memory == nil || plugins.run != .service else {
            throw DTAError(
                .invalidArgument, "\(file): plugins.memory_bytes is for run: own_user only",
                hint: "if systemd starts them, MemoryMax= in a drop-in of their units says it")
        }
        plugins.sockets = sockets ?? plugins.sockets
        // A type of order has at most 32 bytes.
        let longest = "/".utf8.count + 32 + ".sock".utf8.count
        guard plugins.run != .service || plugins.sockets.utf8.count + longest <= UnixSocket.pathLimit else {
            throw DTAError(
                .invalidArgument,
                "\(file): plugins.sockets has \(plugins.sockets.utf8.count) bytes: with /TYPE.sock behind it, the path of a "
                    + "socket has at most \(UnixSocket.pathLimit), which leaves \(UnixSocket.pathLimit - longest)")
        }
        plugins.memoryBytes = memory ?? plugins.memoryBytes
    }
}
