import CustodyProtocol
import DTACustody
import DTASystem
import Glibc

/// `dtad-hsm --config FILE`: serves the front's connection.
struct Service {
    private let configuration: String

    /// The first descriptor that systemd passes; dtad passes its connection the same way.
    private static let socket: Int32 = 3
    /// How long the start may take, log-ins of other processes before it included.
    private static let startMilliseconds = 60_000

    init(configuration: String) throws {
        self.configuration = configuration
        try Hardening.settle()
        // A helper process of a vendor's module must not keep the connection open.
        _ = fcntl(Service.socket, F_SETFD, FD_CLOEXEC)
        var type: Int32 = 0
        var size = socklen_t(MemoryLayout<Int32>.size)
        guard getsockopt(Service.socket, SOL_SOCKET, SO_TYPE, &type, &size) == 0,
            type == Int32(SOCK_STREAM.rawValue)
        else {
            throw CustodyStartError(
                DTAError(
                    .failedPrecondition, "descriptor 3 is not a connection",
                    hint: "dtad-hsm is started by dtad or by dtad-hsm.socket, never by hand"), .usage)
        }
    }

    func run() -> CustodyExit {
        let start = Alarm(milliseconds: Service.startMilliseconds)
        start.arm()
        var server = CustodyServer(socket: Service.socket)
        do {
            guard case .begin(let begin) = try server.open() else { return .finished }
            let options = try HSMStart(configuration: configuration, becomesOwner: false).options
            try PIN.refusePending(options)
            let lock = try ServingLock.serving(options)
            let custody = try Custody(options, pin: try PIN.read(file: options.pinFile), expected: begin.expected)
            start.disarm()
            return withExtendedLifetime(lock) {
                server.serve(custody, begin, deadlineMilliseconds: options.deadlineMilliseconds)
            }
        } catch {
            let leaving =
                error as? CustodyStartError ?? CustodyStartError(DTAError(error), .configuration)
            // The front reports it, and a terminal would show it twice. A unit of its own (systemd.exec(5),
            // JOURNAL_STREAM) has a journal of its own, in which people look for it.
            if !server.refuse(leaving) || getenv("JOURNAL_STREAM") != nil { complain(leaving.reason) }
            return leaving.exit
        }
    }
}
