import DTASystem
import Glibc

/// `dtad.yaml`, read by dtad and by dtad-hsm. Paths are absolute: those in the file are relative to its own directory.
public struct Configuration: Sendable, Equatable {
    /// The folder of the agent's database, audit log and lock.
    public var state: String
    /// The path at which `dtad run` binds if it gets no socket from systemd or on the command line.
    public var socket: String?
    public var hsm = HSM()
    public var limits = Limits()
    public var log = Log()
    /// The IPFS node behind the ledger; nil: blocks are kept here alone.
    public var kubo: Kubo?
    public var plugins = Plugins()
    public var orders = Orders()
    public var ssh = SSH()
    public var grants: [Grant] = []
    /// Selectors of users that only carry: they make nothing of their own unless a grant lets them.
    public var couriers = Configuration.standardCouriers

    /// The user of dtagw's unit.
    public static let standardCouriers = ["unix:user:dtagw"]

    /// Bounds that keep one user from starving another.
    public struct Limits: Sendable, Equatable {
        /// Of all users together.
        public var connections = 4096
        public var connectionsPerUser = 256
        public var requestsPerConnection = 64
        public var requestsPerUser = 1024
        /// Requests a second that need no HSM, of all users together.
        public var requestsPerSecond = 10_000
        /// What all users' requests and unread answers may occupy in memory.
        public var bufferedBytes = 256 << 20
        public var keysPerUser = 10_000
        public var identitiesPerUser = 1000
        public var walletSharesPerUser = 10_000
        public var ledgerBytesPerUser = 16 << 30
        /// How long SIGTERM waits for running requests.
        public var drainMilliseconds = 10_000
    }

    public struct Log: Sendable, Equatable {
        public enum Target: String, Sendable, CaseIterable { case auto, journal, stderr }
        public enum Format: String, Sendable, CaseIterable { case text, json }
        public enum Level: String, Sendable, CaseIterable { case debug, info, notice, warning, error }
        /// `auto`: the journal if stderr is connected to it, else stderr.
        public var target = Target.auto
        public var format = Format.text
        public var level = Level.info

        public init() {}
    }

    /// Gives rights: callers that match all of `to` may do `operations` on names that match a pattern.
    public struct Grant: Sendable, Equatable {
        /// Selectors, all of which must match.
        public var to: [String]
        /// Patterns of key names.
        public var keys: [String]
        /// Patterns of identity names.
        public var identities: [String]
        public var operations: [String]
        /// What may be signed, and on ssh.sock alone; nil: everything, everywhere.
        public var ssh: SSH.Terms?
        /// Whether it covers keys that were imported.
        public var coversImported: Bool
        /// Its line in the file.
        public var line: Int

        public init(
            to: [String], keys: [String], identities: [String], operations: [String], coversImported: Bool = true,
            ssh: SSH.Terms? = nil, line: Int = 0
        ) {
            self.coversImported = coversImported
            self.to = to
            self.keys = keys
            self.identities = identities
            self.operations = operations
            self.ssh = ssh
            self.line = line
        }
    }

    public init(state: String) {
        self.state = state
        hsm.lockFile = state + "/hsm.lock"
    }

    /// Reads a configuration file.
    /// - Throws: `DTAError` with the file, the line and the key if something is wrong.
    public static func load(_ path: String) throws -> Configuration {
        let file = try absolutePath(path)
        return try parse(try readText(file), file: file)
    }

    static func parse(_ text: String, file: String) throws -> Configuration {
        let source = try ConfigurationFile(text: text, path: file, reference: "docs/configuration.md")
        let absolute = source.absolute
        var top = source.top
        var configuration = Configuration(state: absolute(try top.string("state")) ?? source.directory)
        configuration.socket = try top.socketPath("socket", absolute)
        try configuration.readHSM(&top, file: file, absolute: absolute)
        try configuration.readLimits(&top)
        configuration.log = try Log(&top)
        try configuration.readLedger(&top, file: file, absolute: absolute)
        try configuration.readPlugins(&top, file: file, absolute: absolute)
        try configuration.readOrders(&top, file: file)
        try configuration.readSSH(&top, file: file, absolute: absolute)
        for (line, section) in try top.sections("grants") {
            configuration.grants.append(try Grant(section, line: line, file: file))
        }
        configuration.couriers = try top.strings("couriers") ?? configuration.couriers
        try top.finish()
        return configuration
    }

    private mutating func readLimits(_ top: inout Section) throws {
        var section = try top.section("limits")
        limits.connections = try section.int("connections", in: 16...1_000_000) ?? limits.connections
        limits.connectionsPerUser =
            try section.int("connections_per_user", in: 1...65_536) ?? limits.connectionsPerUser
        limits.requestsPerConnection =
            try section.int("requests_per_connection", in: 1...4096) ?? limits.requestsPerConnection
        limits.requestsPerUser = try section.int("requests_per_user", in: 1...65_536) ?? limits.requestsPerUser
        limits.requestsPerSecond =
            try section.int("requests_per_second", in: 100...10_000_000) ?? limits.requestsPerSecond
        limits.bufferedBytes =
            try section.int("buffered_bytes", in: (16 << 20)...(1 << 40)) ?? limits.bufferedBytes
        limits.keysPerUser = try section.int("keys_per_user", in: 0...1_000_000) ?? limits.keysPerUser
        limits.identitiesPerUser =
            try section.int("identities_per_user", in: 0...1_000_000) ?? limits.identitiesPerUser
        limits.walletSharesPerUser =
            try section.int("wallet_shares_per_user", in: 0...1_000_000) ?? limits.walletSharesPerUser
        limits.ledgerBytesPerUser =
            try section.int("ledger_bytes_per_user", in: 0...(1 << 50)) ?? limits.ledgerBytesPerUser
        limits.drainMilliseconds = try section.int("drain_ms", in: 0...600_000) ?? limits.drainMilliseconds
        try section.finish()
    }

}

extension Configuration.Log {
    /// Reads the section `log`.
    public init(_ top: inout Section) throws {
        var section = try top.section("log")
        target = try section.choice("target", Target.self) ?? target
        format = try section.choice("format", Format.self) ?? format
        level = try section.choice("level", Level.self) ?? level
        try section.finish()
    }
}

extension Configuration.Grant {
    fileprivate init(_ section: Section, line: Int, file: String) throws {
        var section = section
        self.init(
            to: try section.strings("to") ?? [], keys: try section.strings("keys") ?? [],
            identities: try section.strings("identities") ?? [], operations: try section.strings("operations") ?? [],
            coversImported: try section.bool("imported") ?? true, line: line)
        if var terms = try section.optionalSection("ssh") {
            ssh = try Configuration.SSH.Terms(&terms)
            try terms.finish()
        }
        try section.finish()
        if to.isEmpty { throw DTAError(.invalidArgument, "\(file):\(line): a grant needs to: a list of selectors") }
        if operations.isEmpty {
            throw DTAError(.invalidArgument, "\(file):\(line): a grant needs operations: a list")
        }
        if keys.isEmpty && identities.isEmpty {
            throw DTAError(.invalidArgument, "\(file):\(line): a grant needs keys: or identities: patterns of names")
        }
    }
}

/// `path` from the root on, whether or not it exists.
func absolutePath(_ path: String) throws -> String {
    if path.hasPrefix("/") { return path }
    var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
    guard getcwd(&buffer, buffer.count) != nil else { throw SystemCallError("getcwd", errno: errno) }
    return String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self) + "/" + path
}

/// A whole text file of up to 1 MiB.
func readText(_ path: String) throws -> String {
    // Without O_NONBLOCK, opening a pipe would wait for ever.
    let number = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard number >= 0 else {
        throw DTAError(.notFound, "the configuration \(path) cannot be read: \(errorText(errno))")
    }
    let file = Descriptor(owning: number)
    var status = stat()
    guard fstat(file.number, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
        throw DTAError(.failedPrecondition, "the configuration \(path) is no regular file")
    }
    var bytes = [UInt8](repeating: 0, count: 1 << 20)
    let used = try bytes.withUnsafeMutableBytes { try file.fill($0) }
    guard used < bytes.count, let text = String(validating: bytes[..<used], as: UTF8.self) else {
        throw DTAError(.invalidArgument, "the configuration \(path) is not a UTF-8 text of less than 1 MiB")
    }
    return text
}
