import DTASystem

/// Jobs of threads that do not wait for a process: a job that finds none idle is parked, and users take turns.
extension CustodyPool {
    /// Runs `job` on this thread with an idle process, and then parked jobs; or parks it; or refuses it at once.
    func run(_ job: CustodyJob, habit: CustodyHabit) {
        if start(job, habit) { runParked(habit: habit) }
    }

    /// The same, but leaves parked jobs to the workers: for a thread that has other work of its own.
    func runOnce(_ job: CustodyJob) {
        if start(job, CustodyHabit()), state.withLock({ !$0.parked.isEmpty && !$0.slots.areBusy }) { kick() }
    }

    /// - Returns: whether a process was used.
    private func start(_ job: CustodyJob, _ habit: CustodyHabit) -> Bool {
        enum Next {
            case use(CustodySlot, CustodyJob)
            case parked
            case refused(DTAError)
        }
        var alert = false
        let next: Next = state.withLock {
            let isBusy = $0.slots.areBusy
            if isBusy, let refusal = $0.refusal { return .refused(refusal) }
            if isBusy || !$0.parked.isEmpty { $0.parked.append(job, user: job.user) }
            guard let slot = $0.slots.takeIdle(habit) else { return .parked }
            alert = $0.drivers.begin(size: $0.supply.size)
            return .use(slot, $0.parked.popFirst() ?? job)
        }
        if alert { tellExhausted() }
        switch next {
        case .use(let slot, let next):
            drive(slot, next)
            return true
        case .refused(let reason): job.refuse(reason)
        case .parked: break
        }
        return false
    }

    /// Leaves `job` to the workers, for a thread that must not wait for the HSM itself; or refuses it at once.
    func park(_ job: CustodyJob) {
        let reason = state.withLock { state -> DTAError? in
            if state.slots.areBusy, let reason = state.refusal { return reason }
            state.parked.append(job, user: job.user)
            return nil
        }
        if let reason { job.refuse(reason) } else { kick() }
    }

    /// Goes on with parked jobs, if a process is idle.
    func runParked(habit: CustodyHabit = CustodyHabit()) {
        while true {
            var alert = false
            let next: (CustodySlot, CustodyJob)? = state.withLock {
                guard !$0.slots.areBusy, let job = $0.parked.popFirst(), let slot = $0.slots.takeIdle(habit) else {
                    return nil
                }
                alert = $0.drivers.begin(size: $0.supply.size)
                return (slot, job)
            }
            if alert { tellExhausted() }
            guard let (slot, job) = next else { return }
            drive(slot, job)
        }
    }

    /// Runs a job with a process, gives the process back, and only then does the rest of the job.
    private func drive(_ slot: CustodySlot, _ job: CustodyJob) {
        let rest = job.run(.success(slot.process.custodian))
        giveBack(slot, driven: true)
        rest()
    }

    /// Refuses the jobs that were parked before `moment`.
    func expire(before moment: UInt64) {
        let expired = state.withLock { state in
            if state.slots.isEmpty { state.supply.noticeSilence(before: moment) }
            return state.parked.removeAll { $0.since < moment }
        }
        for job in expired { job.refuse(CustodyPool.busy) }
    }

    // MARK: Exhaustion

    private func tellExhausted() { exhausted.withLockSignalling { $0 = true } }

    /// Waits until as many threads as there are processes wait for the HSM.
    func waitUntilExhausted() {
        guard state.withLock({ $0.drivers.watch(size: $0.supply.size) }) else { return }
        _ = exhausted.wait { told -> Bool? in
            guard told else { return nil }
            told = false
            return true
        }
    }

    /// Whether as many threads as there are processes wait for the HSM, and how many jobs were done so far.
    var progress: (isExhausted: Bool, completed: UInt64) {
        state.withLock { ($0.drivers.areExhausted(size: $0.supply.size), $0.drivers.completed) }
    }
}
