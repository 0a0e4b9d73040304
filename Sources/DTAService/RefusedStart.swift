import CLinux
import DTASystem
import Glibc

/// A start that cannot succeed: the service manager and each client that waits at the socket are told why. If their
/// connections were not accepted, the service manager would start the service for them again and again, and then stop
/// the socket.
public struct RefusedStart {
    /// EX_CONFIG of sysexits.h: a person must fix something first. The units name it under RestartPreventExitStatus=.
    public static let configurationStatus: Int32 = 78
    /// Clients that come soon after, for instance to try again, are told by the same process.
    private static let milliseconds = 1000
    private static let clientLimit = 256

    private let listeners: [(name: String, socket: Descriptor)]

    /// To be made before the passed sockets are taken.
    public init() { listeners = ServiceManager.copiesOfPassedSockets() }

    /// The exit status for a reason.
    public static func status(for reason: DTAError) -> Int32 {
        switch reason.code {
        case .invalidArgument, .notFound, .failedPrecondition, .dataLoss, .permissionDenied: configurationStatus
        case .unavailable, .resourceExhausted, .internal: 1
        }
    }

    /// - Parameters: `reason`: for `systemctl status`; `answer`: the answer for each client of the socket of that name.
    public func tell(_ reason: String, answer: (_ socket: String) -> [UInt8]) {
        ServiceManager.status(reason)
        guard !listeners.isEmpty else { return }
        let end = monotonicNanoseconds() + UInt64(Self.milliseconds) * 1_000_000
        let answers = listeners.map { answer($0.name) }
        var entries = listeners.map { pollfd(fd: $0.socket.number, events: Int16(POLLIN), revents: 0) }
        // They stay open until the end: closing one before its client has sent its request would hide the answer.
        var clients: [Descriptor] = []
        while true {
            let now = monotonicNanoseconds()
            guard now < end else { return }
            guard poll(&entries, nfds_t(entries.count), Int32((end - now) / 1_000_000 + 1)) > 0 else { continue }
            for (index, entry) in entries.enumerated() where entry.revents != 0 {
                let number = clinux_accept(entry.fd)
                guard number >= 0 else {
                    usleep(20_000)
                    continue
                }
                _ = answers[index].withUnsafeBytes {
                    send(number, $0.baseAddress, $0.count, Int32(MSG_DONTWAIT) | Int32(MSG_NOSIGNAL))
                }
                shutdown(number, Int32(SHUT_WR))
                if clients.count == Self.clientLimit { clients.removeFirst() }
                clients.append(Descriptor(owning: number))
            }
        }
    }
}
