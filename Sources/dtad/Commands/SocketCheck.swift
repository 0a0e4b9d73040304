import DTAConfiguration
import DTASystem
import Glibc

/// The check of the path at which `dtad run` would listen. Its length was checked with the configuration.
enum SocketCheck {
    static func run(_ configuration: Configuration, _ report: Report) {
        guard let path = configuration.socket else { return }
        let folder = String(path[..<(path.lastIndex(of: "/") ?? path.startIndex)])
        var status = stat()
        guard stat(folder.isEmpty ? "/" : folder, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else {
            return report.bad("socket", "\(path) cannot be made: there is no directory \(folder)", "mkdir \(folder)")
        }
        guard lstat(path, &status) == 0 else { return report.good("socket", "\(path) is free") }
        guard status.st_mode & S_IFMT == S_IFSOCK else {
            return report.bad(
                "socket", "\(path) exists and is not a socket: dtad run leaves it alone, and ends",
                "give socket: another path")
        }
        do {
            _ = try UnixSocket.connect(to: path, nonBlocking: true)
            report.good("socket", "a program listens on \(path)")
        } catch let error as SystemCallError where error.errno == EPROTOTYPE {
            report.bad(
                "socket", "\(path) is a socket of another kind, such as for datagrams", "give socket: another path")
        } catch let error as SystemCallError where error.errno == EAGAIN {
            report.good("socket", "a program listens on \(path)")
        } catch {
            report.good("socket", "no program listens on \(path): dtad run takes its place")
        }
    }
}
