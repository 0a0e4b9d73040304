import AgentServer
import DTAAgent
import DTASystem
import Glibc
import Logging

/// The agent's work once a second, on a thread of its own, and its work that needs the HSM.
final class Housekeeping: Sendable {
    /// How long the HSM may take for the last seal, in milliseconds: an HSM that hangs does not delay the stop.
    private static let sealingMilliseconds = 1000

    private let agent: Agent
    private let custody: CustodyPools
    private let lanes: Lanes
    private let logger: Logger
    /// Why it has to wait.
    private let obstacle = Obstacle()

    init(_ agent: Agent, custody: CustodyPools, lanes: Lanes, logger: Logger) {
        self.agent = agent
        self.custody = custody
        self.lanes = lanes
        self.logger = logger
    }

    /// Brings the audit log to the disk every second, checks log and database, and signs the log as it grows.
    func run() {
        while true {
            sleep(1)
            // It logs a failure itself.
            try? agent.recordCounted()
            agent.watch()
            // If its state was taken away, the agent changes nothing more.
            guard agent.halt == nil else { continue }
            if agent.audit.checkpointIsDue || agent.needsSeal || agent.needsSweep || agent.orders.hasWork {
                tidyUp()
            }
            agent.envelopes.dropIdleDrafts()
        }
    }

    /// Signs the audit log's checkpoint and removes leftovers of failed steps from the token, once the HSM can.
    private func tidyUp() {
        guard custody.health.live > 0 else { return }
        lanes.inSlowLane { [agent, logger, obstacle] access in
            do {
                let custodian = try access.get()
                try agent.makeCheckpointIfDue(custodian)
                if agent.needsSeal { try agent.sealAuditEnd(custodian) }
                if agent.needsSweep { try agent.sweep(custodian) }
                try agent.orders.work(custodian)
                obstacle.clear { logger.notice("housekeeping goes on") }
            } catch {
                // It is tried every second, with one log line for each reason.
                let reason = DTAError(error).message
                obstacle.set(reason) { logger.warning("housekeeping has to wait: \(reason)") }
            }
        }
    }

    /// Has the log's end sealed once more, if the HSM answers at once. To be called before the agent stops.
    func sealAuditEnd() {
        guard custody.health.live > 0 else { return }
        try? agent.audit.sync()
        let isDone = Locked(false)
        lanes.inSlowLane { [agent, logger] access in
            do { try agent.sealAuditEnd(try access.get()) } catch {
                logger.warning("the end of the audit log was not sealed: \(DTAError(error).message)")
            }
            isDone.withLock { $0 = true }
        }
        for _ in 0..<Housekeeping.sealingMilliseconds / 10 where !isDone.withLock({ $0 }) { usleep(10_000) }
    }
}
