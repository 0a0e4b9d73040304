import Glibc

/// A value that only the holder of a lock can access.
///
/// A pthread mutex and not `Synchronization.Mutex`: the thread sanitizer understands it. Inlinable, because a generic
/// call into another module would cost more than the lock.
public final class Locked<Value>: @unchecked Sendable {
    // Sendable: `value` is only ever touched between lock and unlock of `mutex`.
    @usableFromInline let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    // The mutex keeps accesses apart, so the runtime need not look for a second one.
    @exclusivity(unchecked) @usableFromInline var value: Value

    public init(_ value: sending Value) {
        self.value = value
        unsafe pthread_mutex_init(mutex, nil)
    }

    deinit {
        unsafe pthread_mutex_destroy(mutex)
        unsafe mutex.deallocate()
    }

    /// Runs `body` under the lock. It must be short and must not lock again.
    @inlinable @inline(__always)
    public func withLock<Result>(_ body: (inout Value) throws -> Result) rethrows -> Result {
        unsafe pthread_mutex_lock(mutex)
        defer { unsafe pthread_mutex_unlock(mutex) }
        return try body(&value)
    }
}

/// A lock with a condition: threads wait until another one has changed the value.
public final class Monitor<Value>: @unchecked Sendable {
    // Sendable: `value` is only ever touched between lock and unlock of `mutex`.
    @usableFromInline let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    @usableFromInline let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    // The mutex keeps accesses apart, so the runtime need not look for a second one.
    @exclusivity(unchecked) @usableFromInline var value: Value

    public init(_ value: sending Value) {
        self.value = value
        unsafe pthread_mutex_init(mutex, nil)
        var attributes = pthread_condattr_t()
        unsafe pthread_condattr_init(&attributes)
        unsafe pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        unsafe pthread_cond_init(condition, &attributes)
        unsafe pthread_condattr_destroy(&attributes)
    }

    deinit {
        unsafe pthread_cond_destroy(condition)
        unsafe pthread_mutex_destroy(mutex)
        unsafe condition.deallocate()
        unsafe mutex.deallocate()
    }

    /// Runs `body` under the lock and wakes one waiting thread.
    @inlinable @inline(__always)
    public func withLockSignalling<Result>(_ body: (inout Value) throws -> Result) rethrows -> Result {
        unsafe pthread_mutex_lock(mutex)
        defer {
            unsafe pthread_cond_signal(condition)
            unsafe pthread_mutex_unlock(mutex)
        }
        return try body(&value)
    }

    @inlinable @inline(__always)
    public func withLock<Result>(_ body: (inout Value) throws -> Result) rethrows -> Result {
        unsafe pthread_mutex_lock(mutex)
        defer { unsafe pthread_mutex_unlock(mutex) }
        return try body(&value)
    }

    /// Waits until `body` gives a result that is not nil, or until `deadline` (monotonic nanoseconds; nil: for ever).
    @inlinable
    public func wait<Result>(until deadline: UInt64? = nil, for body: (inout Value) throws -> Result?) rethrows
        -> Result?
    {
        unsafe pthread_mutex_lock(mutex)
        defer { unsafe pthread_mutex_unlock(mutex) }
        while true {
            if let result = try body(&value) { return result }
            guard let deadline else {
                unsafe pthread_cond_wait(condition, mutex)
                continue
            }
            if monotonicNanoseconds() >= deadline { return nil }
            var time = timespec(tv_sec: Int(deadline / 1_000_000_000), tv_nsec: Int(deadline % 1_000_000_000))
            unsafe pthread_cond_timedwait(condition, mutex, &time)
        }
    }
}
