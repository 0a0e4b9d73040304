import AgentServer
import CustodyProtocol
import DTAConfiguration
import DTASystem
import Glibc
import Logging

/// The first dtad-hsm: it tells how many there can be, and is then one of them.
struct CustodyStart {
    /// How long the HSM may be away when dtad starts, before dtad gives up and leaves it to the service manager.
    private static let patienceNanoseconds: UInt64 = 30_000_000_000

    let token: TokenDescription
    let processes: Int
    /// The token allows one session: the slow lane then shares the one process.
    let isSingle: Bool
    let launch: CustodyPool.Launcher

    init(_ launcher: CustodyLauncher, configured: Int?, logger: Logger) throws {
        let first = try CustodyStart.patiently(launcher, logger)
        do {
            token = try first.custodian.describe()
        } catch {
            first.end()
            throw error
        }
        isSingle = token.maximumSessions == 1
        processes = isSingle ? 1 : configured ?? max(2, Int(sysconf(Int32(_SC_NPROCESSORS_ONLN))))
        let waiting = Locked<(any CustodyProcess)?>(first)
        launch = { () throws(CustodyLaunchError) in
            let first = waiting.withLock { waiting in
                defer { waiting = nil }
                return waiting
            }
            if let first { return first }
            return try launcher.launch()
        }
    }

    private static func patiently(_ launcher: CustodyLauncher, _ logger: Logger) throws -> any CustodyProcess {
        let deadline = monotonicNanoseconds() + patienceNanoseconds
        var pause: UInt32 = 100_000
        while true {
            do {
                return try launcher.launch()
            } catch {
                guard error.mayRetry, error.reason.code == .unavailable, monotonicNanoseconds() < deadline else {
                    throw error
                }
                logger.warning("the HSM is not there yet: \(error.reason.message)")
                usleep(pause)
                pause = min(pause * 2, 2_000_000)
            }
        }
    }
}

/// Occupies descriptor 3, if nothing does: dtad-hsm gets its connection there, and must not find another one.
func reserveDescriptor3() throws {
    guard fcntl(3, F_GETFD) == -1 else { return }
    let number = try systemCall("open(/dev/null)") { open("/dev/null", O_RDONLY | O_CLOEXEC) }
    if number != 3 {
        dup3CloseOnExec(number, 3)
        close(number)
    }
}

private func dup3CloseOnExec(_ from: Int32, _ to: Int32) {
    dup2(from, to)
    _ = fcntl(to, F_SETFD, FD_CLOEXEC)
}
