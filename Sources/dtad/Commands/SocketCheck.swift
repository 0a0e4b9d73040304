import DTAConfiguration
import DTASystem
import Glibc

/// The check of the paths at which `dtad run` would listen. Their length was checked with the configuration.
enum SocketCheck {
    static func run(_ configuration: Configuration, _ report: Report) {
        if let path = configuration.socket { run(path, "socket", report) }
        if let path = configuration.ssh.socket { run(path, "ssh.socket", report) }
    }

    /// - Parameter key: its key in the configuration.
    private static func run(_ path: String, _ key: String, _ report: Report) {
        let folder = String(path[..<(path.lastIndex(of: "/") ?? path.startIndex)])
        var status = stat()
        guard stat(folder.isEmpty ? "/" : folder, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else {
            return report.bad(key, "\(path) cannot be made: there is no directory \(folder)", "mkdir \(folder)")
        }
        guard lstat(path, &status) == 0 else { return report.good(key, "\(path) is free") }
        guard status.st_mode & S_IFMT == S_IFSOCK else {
            return report.bad(
                key, "\(path) exists and is not a socket: dtad run leaves it alone, and ends",
                "give \(key): another path")
        }
        do {
            _ = try UnixSocket.connect(to: path, nonBlocking: true)
            report.good(key, "a program listens on \(path)")
        } catch let error as SystemCallError where error.errno == EPROTOTYPE {
            report.bad(
                key, "\(path) is a socket of another kind, such as for datagrams", "give \(key): another path")
        } catch let error as SystemCallError where error.errno == EAGAIN {
            report.good(key, "a program listens on \(path)")
        } catch {
            report.good(key, "no program listens on \(path): dtad run takes its place")
        }
    }
}
