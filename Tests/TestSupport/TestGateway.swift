import DTASystem
import Foundation

/// A real gateway: `dtagw` with a configuration of its own, on a Unix socket and a port of this host that the kernel chose.
public final class TestGateway: @unchecked Sendable {
    // Sendable: `process` is set once, before anybody else has this.
    public let directory: TemporaryDirectory
    private var process: Subprocess?
    private let listening = Locked<[String]>([])

    public var socketPath: String { directory.file("gateway.sock") }

    /// `127.0.0.1:PORT`; `[1]` is that of the metrics where the configuration has them.
    public var addresses: [String] { listening.withLock { $0 }.filter { !$0.hasPrefix("unix:") } }
    public func url(_ path: String = "", scheme: String = "http") -> String { "\(scheme)://\(addresses[0])\(path)" }

    /// Starts it and waits until it is ready.
    /// - Parameters:
    ///   - agent: the agent's socket.
    ///   - configuration: of `dtagw.yaml`; without authentication where it does not say otherwise.
    ///   - files: written beside it before.
    public init(
        agent: String, configuration: String = "authentication: { none: true }", files: [String: String] = [:],
        prefix: [String] = []
    ) throws {
        directory = try TemporaryDirectory()
        for (name, text) in files { try directory.write(name, text) }
        let listen =
            configuration.contains("listen:") && !configuration.contains("metrics:")
            ? "" : "listen: [\"127.0.0.1:0\", \"unix:gateway.sock\"]\n"
        try directory.write("dtagw.yaml", "agent: \(agent)\n\(listen)\(configuration)\n")
        try start(prefix: prefix)
    }

    public func start(prefix: [String] = []) throws {
        try? FileManager.default.removeItem(atPath: directory.file("log"))
        let log = open(directory.file("log"), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
        defer { close(log) }
        let command = prefix + [try Binary.path("dtagw"), "run", "--config", directory.file("dtagw.yaml")]
        let new = try Subprocess(command[0], Array(command.dropFirst()), descriptors: [2: log])
        process = new
        try eventually("the gateway to start\n\(self.log)") {
            guard !hasEnded(new.pid) else { throw TestFailure("the gateway ended:\n\(self.log)") }
            let words = self.log.split(separator: "\n").first { $0.contains(" ready ") }.map(String.init) ?? ""
            guard let start = words.range(of: "listening="), let end = words.range(of: " node=") else { return false }
            let found = words[start.upperBound..<end.lowerBound].split(separator: " ").map(String.init)
            listening.withLock { $0 = found }
            return !found.isEmpty
        }
        chmod(socketPath, 0o666)
    }

    private func hasEnded(_ pid: pid_t) -> Bool {
        var info = siginfo_t()
        return waitid(P_PID, id_t(pid), &info, WEXITED | WNOHANG | WNOWAIT) == 0
            && info._sifields._sigchld.si_pid == pid
    }

    public var log: String { (try? String(contentsOfFile: directory.file("log"), encoding: .utf8)) ?? "" }
    public var pid: pid_t { process?.pid ?? 0 }

    public func signal(_ number: Int32) { process?.signal(number) }

    /// SIGTERM, and its end.
    @discardableResult
    public func stop() -> Int32 {
        signal(SIGTERM)
        return process?.wait() ?? 0
    }

    /// One request with curl.
    /// - Parameter arguments: of curl, the URL or a path with them; a path goes to the loopback address.
    public func request(_ path: String, _ arguments: [String] = []) throws -> HTTPExchange {
        let target = path.hasPrefix("http") ? path : url(path)
        return try HTTPExchange.perform(["--path-as-is", target] + arguments)
    }

    public func post(_ path: String, _ json: String, _ arguments: [String] = []) throws -> HTTPExchange {
        try request(path, ["-H", "Content-Type: application/json", "--data-binary", json] + arguments)
    }
}

/// What curl got.
public struct HTTPExchange: Sendable {
    public let status: Int
    /// In lower case.
    public let headers: [String: String]
    public let body: [UInt8]
    public var text: String { String(decoding: body, as: UTF8.self) }

    /// The stable code of an error; nil where it is none.
    public var code: String? {
        let object = try? JSONSerialization.jsonObject(with: Data(body)) as? [String: [String: String]]
        return object?["error"]?["code"]
    }

    public subscript(_ name: String) -> Any? {
        (try? JSONSerialization.jsonObject(with: Data(body)) as? [String: Any])?[name]
    }

    static func perform(_ arguments: [String]) throws -> HTTPExchange {
        let done = try run("curl", ["-sS", "-i", "-m", "60", "-H", "Expect:", "--noproxy", "*"] + arguments)
        guard done.status == 0 else { throw TestFailure("curl: \(done.status) \(done.errors)") }
        guard let end = Data(done.output).range(of: Data("\r\n\r\n".utf8)) else {
            throw TestFailure("no head: \(done.text)")
        }
        let lines = String(decoding: done.output[..<end.lowerBound], as: UTF8.self).components(separatedBy: "\r\n")
        var headers: [String: String] = [:]
        for line in lines.dropFirst() {
            guard let colon = line.firstIndex(of: ":") else { continue }
            headers[line[..<colon].lowercased()] = line[line.index(after: colon)...].trimmingCharacters(
                in: .whitespaces)
        }
        let status = lines[0].split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
        return HTTPExchange(status: status, headers: headers, body: [UInt8](done.output[end.upperBound...]))
    }
}
