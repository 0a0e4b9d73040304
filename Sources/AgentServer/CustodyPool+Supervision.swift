import CLinux
import CustodyProtocol
import DTASystem
import Glibc
import Logging

/// Keeping as many HSM processes as there should be.
extension CustodyPool {
    /// - Returns: whether it is the first one ever.
    private func admit(_ process: any CustodyProcess) -> Bool {
        let taken = state.withLock { $0.slots.all.compactMap(\.processor) }
        let processor = processors.first { !taken.contains($0) }
        if let processor { process.pin(to: processor) }
        let slot = CustodySlot(process, processor: processor)
        let (parked, isFirst) = state.withLockSignalling { state in
            state.slots.add(slot)
            return (!state.parked.isEmpty, state.supply.started())
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
                ($0.supply.size - $0.slots.count, $0.supply.mayRetry, $0.supply.isStopping)
            }
            if stopping { return }
            var timeout: Int32 = -1
            if missing > 0, mayRetry {
                state.withLock { $0.supply.starts() }
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
        let (refused, isNews) = state.withLockSignalling { state -> ([CustodyJob], Bool) in
            // If it was the last one, this is an outage, and `health` tells why.
            let isNews = state.supply.failed(error) && !state.slots.isEmpty
            return (state.slots.isEmpty ? state.parked.removeAll { _ in true } : [], isNews)
        }
        // The start is tried again every few seconds, maybe for days.
        if isNews { logger.error("an HSM process did not start", metadata: ["reason": "\(error.reason.message)"]) }
        for job in refused { job.refuse(error.reason) }
    }

    /// Waits until a process is missing, or for `timeout` milliseconds (-1: without end).
    private func watch(timeout: Int32) {
        let slots = state.withLock { $0.slots.all }
        var entries = [pollfd(fd: wakeup.number, events: Int16(POLLIN), revents: 0)]
        entries += slots.map { pollfd(fd: $0.process.socket, events: clinux_pollrdhup, revents: 0) }
        guard poll(&entries, nfds_t(entries.count), timeout) > 0 else { return }
        var count: UInt64 = 0
        if entries[0].revents != 0 { _ = read(wakeup.number, &count, 8) }
        var removed = false
        for (slot, entry) in zip(slots, entries.dropFirst()) where entry.revents != 0 {
            // The thread that uses a busy one finds out that it is broken.
            if state.withLock({ $0.slots.dropIdle(slot) }) {
                logger.warning("an HSM process ended by itself")
                slot.process.end()
                removed = true
            }
        }
        // poll reports a busy process that has hung up again and again: do not spin until its thread has noticed.
        if !removed, entries[0].revents == 0 { usleep(20_000) }
    }
}
