import CLinux
import CustodyProtocol
import DTASystem
import Glibc
import Logging

/// Keeping as many HSM processes as there should be.
extension CustodyPool {
    func admit(_ process: any CustodyProcess) {
        let taken = state.withLock { $0.live.values.compactMap(\.processor) }
        let processor = processors.first { !taken.contains($0) }
        if let processor { process.settle(on: processor) }
        let slot = Slot(process, processor: processor)
        let parked = state.withLockSignalling { state -> Bool in
            state.live[ObjectIdentifier(slot)] = slot
            state.idle.append(slot)
            state.outage = nil
            return !state.parked.isEmpty
        }
        if parked { kick() }
    }

    func wake() {
        var one: UInt64 = 1
        _ = write(wakeup.number, &one, 8)
    }

    /// Replaces processes one after the other, with back-off while they do not start, until `stop`.
    func supervise() {
        var backoff = 100
        while true {
            let (missing, mayRetry, stopping) = state.withLock {
                (size - $0.live.count, $0.mayRetry, $0.stopping)
            }
            if stopping { return }
            var timeout: Int32 = -1
            if missing > 0, mayRetry {
                do {
                    admit(try launch())
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
        logger.error("an HSM process did not start", metadata: ["reason": "\(error.reason.message)"])
        let refused: [Job] = state.withLockSignalling {
            $0.outage = error.reason
            $0.mayRetry = error.mayRetry
            return $0.live.isEmpty ? $0.parked.removeAll { _ in true } : []
        }
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
