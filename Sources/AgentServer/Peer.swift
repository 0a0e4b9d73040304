import CLinux
import DTASystem
import Glibc

/// Asks the kernel who connected, once, at accept. What the kernel said then holds for the connection's life.
enum Peer {
    /// What the kernel says at once.
    struct Found {
        /// Without the user's name and the program's digest.
        var caller: Caller
        /// The process, which lives as long as this says so.
        var process: Descriptor?
        /// The program that it ran, opened without access to its content (O_PATH), if it was asked for.
        var program: Descriptor?
    }

    /// O_PATH, which Glibc's module does not have. It does not ask the file system, so it cannot hang.
    private static let openPath: Int32 = 0o10_000_000

    static func credentials(of socket: Int32) throws -> clinux_credentials {
        var credentials = clinux_credentials()
        try systemCall("getsockopt(SO_PEERCRED)") { clinux_peer_credentials(socket, &credentials) }
        return credentials
    }

    /// - Parameters:
    ///   - withProgram: whether its program is to be hashed later on. The file that is opened is the one that ran when
    ///     this was called, even if the process runs another later, or another file is at its path then.
    ///   - pidfdFromSocket: false takes the way of kernels before 6.5, which have no SO_PEERPIDFD.
    /// - Throws: `SystemCallError` if the kernel does not say who it is.
    static func find(
        _ socket: Int32, _ credentials: clinux_credentials, withProgram: Bool = false, pidfdFromSocket: Bool = true
    ) throws -> Found {
        var found = Found(
            caller: Caller(
                pid: credentials.pid, uid: credentials.uid, gid: credentials.gid, groups: try groups(of: socket),
                userName: ""))
        guard credentials.pid > 0 else { return found }

        // A pid can be given to another process once its own has ended. While this descriptor says that the process
        // lives, what /proc shows under its pid is the process that connected.
        guard let process = pidfd(of: socket, pid: credentials.pid, fromSocket: pidfdFromSocket) else { return found }
        var program: Descriptor?
        if withProgram {
            let number = open("/proc/\(credentials.pid)/exe", openPath | O_CLOEXEC)
            if number >= 0 { program = Descriptor(owning: number) }
        }
        let executable = readLink(program.map { "/proc/self/fd/\($0.number)" } ?? "/proc/\(credentials.pid)/exe")
        let unit = systemUnit(cgroup: readSmallFile("/proc/\(credentials.pid)/cgroup"))
        if isAlive(process.number) {
            found.caller.executable = executable
            found.caller.unit = unit
            found.process = process
            found.program = program
        }
        return found
    }

    private static func groups(of socket: Int32) throws -> [UInt32] {
        var groups = [gid_t](repeating: 0, count: 64)
        while true {
            var size = socklen_t(groups.count * MemoryLayout<gid_t>.size)
            let result = getsockopt(socket, SOL_SOCKET, SO_PEERGROUPS, &groups, &size)
            let count = Int(size) / MemoryLayout<gid_t>.size
            if result == 0 { return Array(groups.prefix(count)) }
            guard errno == ERANGE, count <= 65_536 else {
                throw SystemCallError("getsockopt(SO_PEERGROUPS)", errno: errno)
            }
            groups = [gid_t](repeating: 0, count: count)
        }
    }

    private static func pidfd(of socket: Int32, pid: pid_t, fromSocket: Bool) -> Descriptor? {
        if fromSocket {
            let number = clinux_peer_pidfd(socket)
            if number >= 0 { return Descriptor(owning: number) }
            if errno != ENOPROTOOPT { return nil }
        }
        // Before Linux 6.5: the process may have ended between connect and now, and another one may have its pid. That
        // one started after the connection was made, which its start time shows to the clock's tick.
        let number = clinux_pidfd_open(pid)
        guard number >= 0 else { return nil }
        let descriptor = Descriptor(owning: number)
        guard let started = startTime(of: pid) else { return nil }
        var now = timespec()
        clock_gettime(CLOCK_BOOTTIME, &now)
        let ticks = UInt64(sysconf(Int32(_SC_CLK_TCK)))
        let nowTicks = UInt64(now.tv_sec) * ticks + UInt64(now.tv_nsec) * ticks / 1_000_000_000
        // Within two ticks of now it cannot be told which was first: no name is better than a wrong one.
        return started + 2 < nowTicks ? descriptor : nil
    }

    /// Field 22 of /proc/PID/stat, in clock ticks since boot (proc(5)).
    private static func startTime(of pid: pid_t) -> UInt64? {
        let text = readSmallFile("/proc/\(pid)/stat")
        guard let end = text.lastIndex(of: ")") else { return nil }
        let fields = text[text.index(after: end)...].split(separator: " ")
        return fields.count > 19 ? UInt64(fields[19]) : nil
    }

    static func isAlive(_ pidfd: Int32) -> Bool {
        var entry = pollfd(fd: pidfd, events: Int16(POLLIN), revents: 0)
        return poll(&entry, 1, 0) == 0
    }

    /// The *system* unit of a cgroup file: the first `.service` from the root, if no `.scope` comes before it and no
    /// `user@N.service` is in the path (systemd's convention for cgroup v2: one line, `0::/system.slice/name.service`).
    static func systemUnit(cgroup: String) -> String? {
        for line in cgroup.split(separator: "\n") {
            let fields = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
            guard fields.count == 3, fields[0] == "0" || fields[1] == "name=systemd" else { continue }
            let parts = fields[2].split(separator: "/")
            if parts.contains(where: { $0.hasPrefix("user@") && $0.hasSuffix(".service") }) { return nil }
            // Deeper groups belong to the unit itself (Delegate=): the first unit from the root counts.
            guard let unit = parts.first(where: { $0.hasSuffix(".service") || $0.hasSuffix(".scope") }) else {
                continue
            }
            return unit.hasSuffix(".service") ? String(unit) : nil
        }
        return nil
    }

    private static func readLink(_ path: String) -> String? {
        (try? linkTarget(path)).flatMap { String(validating: $0, as: UTF8.self) }
    }

    private static func readSmallFile(_ path: String) -> String {
        let number = open(path, O_RDONLY | O_CLOEXEC)
        guard number >= 0 else { return "" }
        let file = Descriptor(owning: number)
        var buffer = [UInt8](repeating: 0, count: 4096)
        let count = (try? buffer.withUnsafeMutableBytes { try file.read(into: $0) }) ?? 0
        return String(decoding: buffer[..<count], as: UTF8.self)
    }
}
