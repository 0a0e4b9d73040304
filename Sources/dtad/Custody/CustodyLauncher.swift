import AgentServer
import CustodyProtocol
import DTAConfiguration
import DTASystem
import Glibc

/// Makes connections to dtad-hsm: through its socket unit, if there is a wall, or by starting it as dtad's own user.
struct CustodyLauncher: Sendable {
    /// How long dtad-hsm may take to log in, with the log-ins of others before it: longer than its own alarm of 60
    /// seconds.
    private static let startMilliseconds = 65_000

    let configurationPath: String
    let configuration: Configuration.HSM

    /// - Parameter expecting: the token that the state belongs to; nil: the one that the configuration names.
    func launch(expecting token: TokenIdentity?) throws(CustodyLaunchError) -> LaunchedCustody {
        do {
            return try configuration.socket.map { try connect($0, token) } ?? spawn(token)
        } catch let error as CustodyStartError {
            throw CustodyLaunchError(reason: error.reason, mayRetry: error.exit != .wrongPIN)
        } catch let error as SystemCallError {
            throw CustodyLaunchError(
                reason: DTAError(
                    .unavailable, "dtad-hsm cannot be reached: \(error)",
                    hint: configuration.socket == nil ? "" : "systemctl status dtad-hsm.socket"), mayRetry: true)
        } catch {
            throw CustodyLaunchError(reason: DTAError(error), mayRetry: true)
        }
    }

    private func connect(_ path: String, _ token: TokenIdentity?) throws -> LaunchedCustody {
        let socket: Descriptor
        do {
            socket = try UnixSocket.connect(to: path)
        } catch let error as SystemCallError where [ECONNREFUSED, ENOENT].contains(error.errno) {
            throw DTAError(
                .unavailable, "dtad-hsm cannot be reached at \(path): \(error)", hint: "systemctl start dtad-hsm.socket"
            )
        }
        do {
            return LaunchedCustody(try open(socket, token), socket: socket, pid: nil)
        } catch let error as DTAError where error.code == .unavailable {
            throw lostCredential ?? error
        }
    }

    /// If systemd cannot read the PIN, it starts no dtad-hsm, and only the journal says so.
    private var lostCredential: DTAError? {
        let places = configuration.pinFiles(configuration: configurationPath)
        guard !places.contains(where: { access($0, F_OK) == 0 }) else { return nil }
        return DTAError(
            .unavailable, "dtad-hsm ended before it said anything, and there is no credential hsm-pin for it",
            hint: "is \(places.joined(separator: " or ")) there? journalctl -u 'dtad-hsm@*' says more")
    }

    private func spawn(_ token: TokenIdentity?) throws -> LaunchedCustody {
        let (socket, pid) = try start()
        do {
            return LaunchedCustody(try open(socket, token), socket: socket, pid: pid)
        } catch let error as CustodyStartError {
            LaunchedCustody.end(pid, after: 0)
            throw error
        } catch {
            // It said nothing. If its stream ended, it is ending too; else it hangs.
            let hasEnded = !UnixSocket.isOpen(socket.number)
            let signal = LaunchedCustody.end(pid, after: hasEnded ? 100 : 0)
            guard hasEnded, signal != 0 else { throw error }
            throw DTAError(
                .unavailable,
                "dtad-hsm was ended by signal \(signal) before it had logged in: \(configuration.module) may have done that",
                hint: "the journal, or dtad's standard error, may have what the module said at its end")
        }
    }

    /// dtad's copy of the other end is closed when this returns, so that the stream ends when dtad-hsm does.
    private func start() throws -> (Descriptor, pid_t) {
        let (ours, theirs) = try UnixSocket.pair()
        return (ours, try CustodyProgram.spawn(["--config", configurationPath], socket: theirs.number))
    }

    private func open(_ socket: Descriptor, _ token: TokenIdentity?) throws -> CustodyConnection {
        let connection = try CustodyConnection(
            socket, startMilliseconds: Self.startMilliseconds,
            deadlineMilliseconds: configuration.deadlineMilliseconds, expecting: token)
        try connection.requireSameVersion()
        return connection
    }
}

/// A dtad-hsm that has logged in, and a means to end it.
final class LaunchedCustody: CustodyProcess {
    let connection: CustodyConnection
    private let descriptor: Descriptor
    private let pid: pid_t?

    init(_ connection: CustodyConnection, socket: Descriptor, pid: pid_t?) {
        self.connection = connection
        self.descriptor = socket
        self.pid = pid
    }

    var custodian: any Custodian { connection }
    var isBroken: Bool { connection.isBroken }
    var mayBeReplaced: Bool { connection.exit != .wrongPIN }
    var socket: Int32 { descriptor.number }

    func pin(to processor: Int32) {
        // If that fails, the process can still be used; a broken one is noticed at its first use.
        try? connection.ask(SetAffinity(processor: processor))
    }

    /// It ends at the end of its stream, or by its own alarm. A signal could end it while it writes the token's files,
    /// so only one that hangs is killed. Another user's process cannot be killed.
    func end() {
        shutdown(descriptor.number, Int32(SHUT_RDWR))
        if let pid { LaunchedCustody.end(pid, after: isBroken ? 1 : 100) }
    }

    /// Waits for its end so many times 10 ms, then kills it.
    /// - Returns: the signal that ended it; 0: it ended by itself.
    @discardableResult
    fileprivate static func end(_ pid: pid_t, after pauses: Int) -> Int32 {
        var status: Int32 = 0
        for _ in 0..<pauses {
            if waitpid(pid, &status, WNOHANG) != 0 { return status & 0x7f }
            usleep(10_000)
        }
        kill(pid, SIGKILL)
        waitpid(pid, &status, 0)
        return status & 0x7f
    }
}
