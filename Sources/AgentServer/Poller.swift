import CLinux
import DTASystem
import Glibc

/// The epoll set that all workers share. Everything in it is armed for one event at a time (EPOLLONESHOT).
final class Poller: Sendable {
    static let readable = EPOLLIN.rawValue
    static let writable = EPOLLOUT.rawValue
    /// The other side is gone. It is always reported, and so it alone is, if a descriptor is armed for nothing else.
    static let hangup = EPOLLHUP.rawValue
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

    /// Waits for events and gives each to `body`; none if interrupted, or after `milliseconds` (-1: never).
    func wait(milliseconds: Int32, _ body: (_ id: UInt64, _ events: UInt32) -> Void) {
        withUnsafeTemporaryAllocation(of: epoll_event.self, capacity: 32) { space in
            let count = epoll_wait(set.number, space.baseAddress, Int32(space.count), milliseconds)
            for index in 0..<Int(max(0, count)) { body(space[index].data.u64, space[index].events) }
        }
    }
}
