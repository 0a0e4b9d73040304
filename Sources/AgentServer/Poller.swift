import CLinux
import DTASystem
import Glibc

/// The epoll set that all workers share. Everything in it is armed for one event at a time (EPOLLONESHOT).
final class Poller: Sendable {
    static let readable = EPOLLIN.rawValue
    static let writable = EPOLLOUT.rawValue
    private static let oneShot: UInt32 = 1 << 30

    private let set: Descriptor

    init() throws {
        set = Descriptor(owning: try systemCall("epoll_create1") { epoll_create1(Int32(EPOLL_CLOEXEC)) })
    }

    func add(_ fd: Int32, id: UInt64, events: UInt32) throws {
        var event = epoll_event(events: events | Poller.oneShot, data: epoll_data_t(u64: id))
        try systemCall("epoll_ctl") { epoll_ctl(set.number, EPOLL_CTL_ADD, fd, &event) }
    }

    /// Arms a descriptor of the set again; one that is gone meanwhile is no error.
    func rearm(_ fd: Int32, id: UInt64, events: UInt32) {
        var event = epoll_event(events: events | Poller.oneShot, data: epoll_data_t(u64: id))
        epoll_ctl(set.number, EPOLL_CTL_MOD, fd, &event)
    }

    /// Waits for one event; nil when interrupted, or after `milliseconds` (-1: never).
    func wait(milliseconds: Int32 = -1) -> (id: UInt64, events: UInt32)? {
        var event = epoll_event()
        return epoll_wait(set.number, &event, 1, milliseconds) == 1 ? (event.data.u64, event.events) : nil
    }
}
