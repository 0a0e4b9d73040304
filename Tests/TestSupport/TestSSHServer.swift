import Foundation

/// A real sshd on loopback, of the user of the tests, who may log in to it with the keys that a test names.
public final class TestSSHServer: Sendable {
    public let directory: TemporaryDirectory
    public let port: Int
    private let process: Subprocess

    public static let program = "/usr/sbin/sshd"
    public static var isThere: Bool { access(program, X_OK) == 0 }

    /// The user that runs the tests.
    public static let user = String(cString: getpwuid(geteuid()).pointee.pw_name)

    /// - Parameters: `authorized`: lines of `authorized_keys`; `more`: lines of `sshd_config`; `environment`: the
    ///   server's.
    public init(authorized: [String], more: [String] = [], environment: [String: String] = [:]) throws {
        let directory = try TemporaryDirectory()
        self.directory = directory
        // sshd wants its folder for the separation of privileges if it runs as root.
        if geteuid() == 0 { mkdir("/run/sshd", 0o755) }
        let hostKey = directory.file("host")
        if !more.contains(where: { $0.hasPrefix("HostKey ") }) {
            let made = try run("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", hostKey])
            guard made.status == 0 else { throw TestFailure("ssh-keygen: \(made.errors)") }
        }
        try directory.write("authorized", authorized.map { $0 + "\n" }.joined())
        let port = try TestSSHServer.freePort()
        self.port = port
        let own = more.contains { $0.hasPrefix("HostKey ") } ? [] : ["HostKey \(hostKey)"]
        let lines =
            own + more + [
                "Port \(port)", "ListenAddress 127.0.0.1", "AuthorizedKeysFile \(directory.file("authorized"))",
                "PidFile none", "UsePAM no", "StrictModes no", "PermitRootLogin yes", "PasswordAuthentication no",
                "KbdInteractiveAuthentication no", "MaxAuthTries 6", "LogLevel VERBOSE",
            ]
        let configuration = try directory.write("sshd_config", lines.map { $0 + "\n" }.joined())
        let log = open(directory.file("log"), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
        guard log >= 0 else { throw TestFailure("no log for sshd: \(errno)") }
        defer { close(log) }
        process = try Subprocess(
            TestSSHServer.program, ["-D", "-e", "-f", configuration], environment: environment, descriptors: [2: log])
        try eventually("sshd listens") { [directory] in
            (try? String(contentsOfFile: directory.file("log"), encoding: .utf8))?.contains("Server listening") == true
        }
    }

    deinit { process.signal(SIGTERM) }

    public var log: String { (try? String(contentsOfFile: directory.file("log"), encoding: .utf8)) ?? "" }

    /// The line of its host key.
    public func hostKey() throws -> String {
        try String(contentsOfFile: directory.file("host.pub"), encoding: .utf8).trimmingCharacters(in: .newlines)
    }

    /// Runs a command there, with the keys of an agent alone.
    /// - Parameters: `socket`: the agent's; `options`: more options of ssh.
    public func ssh(
        _ command: String, agent socket: String, options: [String] = [], user: String = TestSSHServer.user
    ) throws -> Finished {
        try run(
            "ssh",
            TestSSHServer.options + ["-o", "IdentityAgent=\(socket)", "-p", "\(port)"] + options
                + ["\(user)@127.0.0.1", command])
    }

    /// Options that keep the user's own files and keys out.
    public static let options = [
        "-F", "none", "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null",
        "-o", "GlobalKnownHostsFile=/dev/null", "-o", "IdentityFile=none", "-o", "LogLevel=ERROR", "-o",
        "ConnectTimeout=20",
    ]

    private static func freePort() throws -> Int {
        let number = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        guard number >= 0 else { throw TestFailure("socket: \(errno)") }
        defer { close(number) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let result = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(number, $0, size) == 0 ? getsockname(number, $0, &size) : -1
            }
        }
        guard result == 0 else { throw TestFailure("no free port: \(errno)") }
        return Int(UInt16(bigEndian: address.sin_port))
    }
}
