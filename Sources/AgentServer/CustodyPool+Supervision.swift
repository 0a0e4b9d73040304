import CLinux
import CustodyProtocol
import DTASystem
import Glibc
import Logging

/// Keeping as many HSM processes as there should be.
extension CustodyPool {
    /// - Returns: whether it is the first one ever.
    private func admit(_ process: any CustodyProcess) -> Bool {
        let taken = state.withLock { $0.live.values.compactMap(\.processor) }
        let processor = processors.first { !taken.contains($0) }
        if let processor { process.settle(on: processor) }
        let slot = Slot(process, processor: processor)
        let (parked, isFirst) = state.withLockSignalling { state in
            state.live[ObjectIdentifier(slot)] = slot
            state.idle.append(slot)
            state.outage = nil
            state.starting = nil
            defer { state.hasStarted = true }
            return (!state.parked.isEmpty, !state.hasStarted)
        }
        if parked { kick() }
        return isFirst
    }

    func wake() {
        var one: UInt64 = 1
        _ = write(wakeup.number, &one, 8)
    }

    /// Replaces processes one after the other, with back-off while they do not start, until `stop`.
    func supervise(_ launch: Launcher, _ whenUp: @Sendable () -> Void) {
        var backoff = 100
        while true {
            let (missing, mayRetry, stopping) = state.withLock {
                ($0.size - $0.live.count, $0.mayRetry, $0.stopping)
            }
            if stopping { return }
            var timeout: Int32 = -1
            if missing > 0, mayRetry {
                state.withLock { $0.starting = monotonicNanoseconds() }
                do {
                    if admit(try launch()) { whenUp() }
                    backoff = 100
                    continue
                } catch {
                    failed(error)
                    timeout = Int32(backoff)
                    backoff = min(backoff * 2, 5000)
                }
            }
            watch(timeout: timeout)
        }
    }

    private func failed(_ error: CustodyLaunchError) {
        let (refused, isNews) = state.withLockSignalling { state -> ([Job], Bool) in
            // Where there is no other, it is an outage, which whoever asks `health` tells.
            let isNews = state.outage != error.reason && !state.live.isEmpty
            state.outage = error.reason
            state.starting = nil
            state.mayRetry = error.mayRetry
            if state.firstFailure == nil { state.firstFailure = error }
            return (state.live.isEmpty ? state.parked.removeAll { _ in true } : [], isNews)
        }
        // It is tried again every few seconds, maybe for days.
        if isNews { logger.error("an HSM process did not start", metadata: ["reason": "\(error.reason.message)"]) }
        for job in refused { job.run(.failure(error.reason))() }
    }

    /// Waits until a process is missing, or for `timeout` milliseconds (-1: without end).
    private func watch(timeout: Int32) {
        let slots = state.withLock { Array($0.live.values) }
        var entries = [pollfd(fd: wakeup.number, events: Int16(POLLIN), revents: 0)]
        entries += slots.map { pollfd(fd: $0.process.socket, events: clinux_pollrdhup, revents: 0) }
        guard poll(&entries, nfds_t(entries.count), timeout) > 0 else { return }
        var count: UInt64 = 0
        if entries[0].revents != 0 { _ = read(wakeup.number, &count, 8) }
        var removed = false
        for (slot, entry) in zip(slots, entries.dropFirst()) where entry.revents != 0 {
            // One that is busy is found broken by whoever uses it.
            let idle = state.withLock { state -> Bool in
                guard let index = state.idle.firstIndex(where: { $0 === slot }) else { return false }
                state.idle.remove(at: index)
                state.live[ObjectIdentifier(slot)] = nil
                return true
            }
            if idle {
                logger.warning("an HSM process ended by itself")
                slot.process.end()
                removed = true
            }
        }
        // A busy process that has hung up is reported again and again: do not spin until its user has noticed.
        if !removed, entries[0].revents == 0 { usleep(20_000) }
    }
}
