import AgentServer
import DTAService
import DTASystem

/// Tells systemd that dtad is alive, but only as long as the workers are: each sign of life is the answer of a worker
/// to an event that it took from the epoll set, like a request.
final class WatchdogFeeder {
    private let interval: UInt64
    private let server: Server
    private var lastAsked: UInt64 = 0
    private var seen: UInt64 = 0

    init(interval: UInt64, server: Server) {
        self.interval = interval
        self.server = server
    }

    /// To be called several times within an interval.
    func tick() {
        let answered = server.answeredPings
        if answered != seen {
            seen = answered
            ServiceManager.alive()
        }
        let now = monotonicNanoseconds()
        if now - lastAsked >= interval / 4 {
            lastAsked = now
            server.ping()
        }
    }
}
