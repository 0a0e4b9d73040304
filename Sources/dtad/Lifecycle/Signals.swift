import Glibc

/// The signals that steer dtad. They are blocked in every thread and fetched by the main one.
enum Signals {
    enum Event { case terminate, reload, none }

    private static func steering() -> sigset_t {
        var set = sigset_t()
        sigemptyset(&set)
        for signal in [SIGTERM, SIGINT, SIGHUP] { sigaddset(&set, signal) }
        return set
    }

    /// Must run before any other thread is started.
    static func block() {
        var set = steering()
        pthread_sigmask(SIG_BLOCK, &set, nil)
    }

    /// Waits for a signal, for at most `milliseconds`.
    static func wait(milliseconds: Int) -> Event {
        var set = steering()
        var time = timespec(tv_sec: milliseconds / 1000, tv_nsec: milliseconds % 1000 * 1_000_000)
        switch sigtimedwait(&set, nil, &time) {
        case SIGTERM, SIGINT: return .terminate
        case SIGHUP: return .reload
        default: return .none
        }
    }
}
