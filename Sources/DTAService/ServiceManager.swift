import CSystemd
import DTASystem
import Glibc

/// systemd's sockets and notifications (sd_listen_fds(3), sd_notify(3)). Without systemd, none of this does anything.
public enum ServiceManager {
    /// The sockets that were passed in, by name. They are taken from the environment: children get none of it.
    public static func passedSockets() throws -> [(name: String, socket: Descriptor)] {
        var names: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?
        let count = sd_listen_fds_with_names(1, &names)
        guard count >= 0 else { throw SystemCallError("sd_listen_fds", errno: -count) }
        defer {
            for index in 0..<Int(count) { free(names?[index]) }
            free(names)
        }
        return (0..<Int(count)).map { index in
            let name = names?[index].map { String(cString: $0) } ?? ""
            return (name, Descriptor(owning: SD_LISTEN_FDS_START + Int32(index)))
        }
    }

    /// Further descriptors of the sockets that were passed in, with their names, as long as those are not taken.
    static func copiesOfPassedSockets() -> [(name: String, socket: Descriptor)] {
        func number(_ name: String) -> Int32? { getenv(name).flatMap { Int32(String(cString: $0)) } }
        guard number("LISTEN_PID") == getpid(), let count = number("LISTEN_FDS"), (1...64).contains(count) else {
            return []
        }
        let names = getenv("LISTEN_FDNAMES").map { String(cString: $0) }?
            .split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        return (0..<count).compactMap { index in
            let copy = fcntl(SD_LISTEN_FDS_START + index, F_DUPFD_CLOEXEC, 16)
            guard copy >= 0 else { return nil }
            return (names.flatMap { index < $0.count ? $0[Int(index)] : nil } ?? "", Descriptor(owning: copy))
        }
    }

    /// Whether it is a stream socket of the Unix domain that listens.
    public static func isListeningStream(_ socket: Int32) -> Bool {
        sd_is_socket(socket, AF_UNIX, Int32(SOCK_STREAM.rawValue), 1) > 0
    }

    /// Whether a service manager wants to be notified.
    public static var isPresent: Bool { getenv("NOTIFY_SOCKET") != nil }

    public static func ready(_ status: String) { notify("READY=1\nSTATUS=\(status)") }
    public static func status(_ status: String) { notify("STATUS=\(status)") }
    public static func stopping(_ status: String) { notify("STOPPING=1\nSTATUS=\(status)") }
    public static func alive() { notify("WATCHDOG=1") }

    public static func reloading() {
        notify("RELOADING=1\nMONOTONIC_USEC=\(monotonicNanoseconds() / 1000)")
    }

    /// How often the watchdog wants a sign of life, in nanoseconds; nil if there is none.
    public static var watchdogInterval: UInt64? {
        var microseconds: UInt64 = 0
        return sd_watchdog_enabled(0, &microseconds) > 0 ? microseconds * 1000 : nil
    }

    private static func notify(_ state: String) { sd_notify(0, state) }
}
