import AgentServer
import ArgumentParser
import CustodyProtocol
import DTAConfiguration
import DTACore
import DTAPlugins
import DTAService
import DTASystem
import Glibc
import Logging

/// dtad from its start to its end: wires the domain to the socket, and steers by signals.
final class Service: Sendable {
    private static let tickMilliseconds = 250

    private let configuration: Configuration
    private let configurationPath: String
    private let logger: Logger
    private let listening: ListeningSocket
    private let agent: Core
    private let server: Server
    private let limits: ServerLimits
    private let custody: CustodyStart
    private let readiness: Readiness
    /// Set once this is complete: the router is made before.
    private let statusSource = Locked<(@Sendable () -> [(String, String)])?>(nil)
    private let started = monotonicNanoseconds()
    /// Why housekeeping has to wait.
    private let obstacle = Obstacle()

    init(configuration: Configuration, configurationPath: String, socket: String?, shortfalls: [String]) throws {
        self.configuration = configuration
        self.configurationPath = configurationPath
        let logger = makeLogger(configuration.log, program: "dtad")
        self.logger = logger
        for shortfall in shortfalls { logger.warning("a protection was refused: \(shortfall)") }

        // The state's lock comes first: whoever has it is the only agent here, and may replace a stale socket.
        let forgetting = Locked<(@Sendable (ObjectID) -> Void)?>(nil)
        let subordinates = SubordinateUsers()
        let agent = try Core(
            configuration, logger: logger, payer: { subordinates.payer(of: $0) },
            forget: { id in forgetting.withLock { $0 }?(id) })
        self.agent = agent
        listening = try ListeningSocket.take(path: socket ?? configuration.socket)

        let custody = try CustodyStart(
            CustodyLauncher(configurationPath: configurationPath, configuration: configuration.hsm), agent: agent,
            logger: logger)
        self.custody = custody

        let programs = agent.orders.plugins.programs
        let processes = CustodyStart.processes(configuration.hsm)
        limits = ServerLimits(configuration, processes: processes, programs: programs.count, logger: logger)
        let statusSource = self.statusSource
        SubordinateWatch.start(subordinates, logger)
        let digests = ExecutableDigest()
        var sources = CallerSources()
        sources.payer = { subordinates.payer(of: $0) }
        sources.hashesPrograms = { agent.policy.current.needsExecutableDigest }
        sources.needsDigest = { agent.policy.current.needsExecutableDigest(of: $0) }
        sources.digest = { digests.of(program: $0) }
        let slowLane = Locked<LaneCustodian.Lane?>(nil)
        let lane = LaneCustodian { body in slowLane.withLock { $0 }?(body) ?? false }
        let router = Router(
            AgentParts(core: agent, custodian: lane, status: { statusSource.withLock { $0 }?() ?? [] }))
        let server = try Server(
            listeners: listening.descriptors, handler: router,
            lanes: Lanes(
                processes: processes, programs: programs, callsPerProgram: configuration.plugins.calls),
            limits: limits, processes: processes,
            processors: configuration.hsm.keepPairs ? Processors.allowed() : [],
            sharesSlowProcess: { custody.allowsOneSession },
            deadline: UInt64(configuration.hsm.deadlineMilliseconds) * 1_000_000,
            logger: logger, sources: sources,
            launch: { () throws(CustodyLaunchError) in try custody.launch() })
        self.server = server
        readiness = Readiness(server, logger: logger) {
            let (token, keys) = (custody.token?.label ?? "", agent.keys.count)
            return Readiness.Summary(
                text: "\(counted(server.processCount, "HSM process", "HSM processes")), token \(token), "
                    + counted(keys, "key"),
                metadata: ["token": "\(token)", "keys": "\(keys)", "version": "\(Version.current)"])
        }
        forgetting.withLock { $0 = { server.forget($0) } }
        slowLane.withLock { $0 = { server.inSlowLane($0) } }
    }

    func run() throws {
        statusSource.withLock { $0 = { [unowned self] in status() } }
        try startCustody()
        do { try server.serve() } catch { throw error.reason }
        defer { listening.removeBound() }
        Thread.start("audit-sync") { [self] in keepAudit() }
        if let publisher = agent.publisher { Thread.start("publisher") { publisher.run() } }
        readiness.announce()
        steer()
        stop()
    }

    /// Starts dtad-hsm. Where the token is away, dtad goes on without: it answers its clients, and serves them when the token
    /// is back. What only a person can mend ends it, unless a service manager would start it again and again.
    private func startCustody() throws {
        do {
            // Whoever asks as soon as dtad listens gets an answer of the HSM, where that is well.
            try server.startCustody(patience: UInt64(configuration.hsm.deadlineMilliseconds) * 1_000_000)
        } catch {
            guard error.reason.code == .unavailable || ServiceManager.isPresent else { throw error.reason }
        }
    }

    /// The main thread: signals, stalls, the watchdog.
    private func steer() {
        let watchdog = ServiceManager.watchdogInterval.map { WatchdogFeeder(interval: $0, server: server) }
        while true {
            switch Signals.wait(milliseconds: Service.tickMilliseconds) {
            case .terminate: return
            case .reload: reload()
            case .none: break
            }
            server.tick()
            readiness.tick()
            watchdog?.tick()
        }
    }

    private func reload() {
        ServiceManager.reloading()
        do {
            let new = try Configuration.load(configurationPath)
            try agent.reload(new)
            logger.notice("the grants were read again", metadata: ["grants": "\(new.grants.count)"])
            readiness.announce()
        } catch {
            let reason = "the grants stay as they were: \(DTAError(error).message)"
            logger.error("\(reason)")
            readiness.announce(adding: reason)
        }
    }

    private func stop() {
        ServiceManager.stopping("finishing what runs")
        logger.info("stopping")
        // Whoever waits for the node would wait for longer than the end may take.
        agent.publisher?.stop()
        sealAuditEnd()
        let limit = UInt64(configuration.limits.drainMilliseconds) * 1_000_000
        if !server.drain(deadline: monotonicNanoseconds() + limit) {
            logger.warning(
                "some requests were cut off: they took longer than \(configuration.limits.drainMilliseconds) ms")
        }
        do {
            // What cannot be recorded any more keeps nothing else from its place.
            try? agent.recordCounted()
            try agent.close()
        } catch {
            logger.error("\(DTAError(error).message)")
        }
        logger.info("stopped")
    }

    /// How long an HSM may take for the last seal, in milliseconds: one that hangs keeps nobody from stopping.
    private static let sealingMilliseconds = 1000

    /// Has the log's end sealed once more, if the HSM answers at once.
    private func sealAuditEnd() {
        guard server.custody.live > 0 else { return }
        try? agent.audit.sync()
        let isDone = Locked(false)
        server.inSlowLane { [agent, logger] access in
            do { try agent.sealAuditEnd(try access.get()) } catch {
                logger.warning("the end of the audit log was not sealed: \(DTAError(error).message)")
            }
            isDone.withLock { $0 = true }
        }
        for _ in 0..<Service.sealingMilliseconds / 10 where !isDone.withLock({ $0 }) { usleep(10_000) }
    }

    /// Brings the audit log to the disk every second, watches over log and database, and signs the log as it grows.
    private func keepAudit() {
        while true {
            sleep(1)
            // It says itself in the journal where that fails.
            try? agent.recordCounted()
            agent.watch()
            // An agent whose state was taken away makes nothing of it worse.
            guard agent.halt == nil else { continue }
            if agent.audit.checkpointIsDue || agent.needsSeal || agent.needsSweep || agent.orders.hasWork {
                tidyUp()
            }
            agent.envelopes.dropIdleDrafts()
        }
    }

    /// Signs the audit log's checkpoint and clears what failed acts left on the token, once the HSM can.
    private func tidyUp() {
        guard server.custody.live > 0 else { return }
        server.inSlowLane { [agent, logger, obstacle] access in
            do {
                let custodian = try access.get()
                try agent.makeCheckpointIfDue(custodian)
                if agent.needsSeal { try agent.sealAuditEnd(custodian) }
                if agent.needsSweep { try agent.sweep(custodian) }
                try agent.orders.work(custodian)
                obstacle.clear { logger.notice("housekeeping goes on") }
            } catch {
                // It is tried every second: one line tells of each reason.
                let reason = DTAError(error).message
                obstacle.set(reason) { logger.warning("housekeeping has to wait: \(reason)") }
            }
        }
    }

    /// What `status` answers.
    private func status() -> [(String, String)] {
        let health = server.custody
        let up = health.live > 0
        let halt = agent.halt
        var fields = [
            ("state", up && halt == nil ? "ready" : "unavailable"),
            ("version", Version.current),
            ("uptime_seconds", "\((monotonicNanoseconds() - started) / 1_000_000_000)"),
            ("connections", "\(server.connections)"),
            ("users_connected", "\(server.users)"),
            ("buffered_bytes", "\(server.bufferedBytes)"),
            ("keys", "\(agent.keys.count)"),
            ("identities", "\(agent.identities.count)"),
            ("audit_records", "\(agent.audit.count)"),
            ("limits.connections", "\(limits.connections)"),
            ("limits.buffered_bytes", "\(limits.bufferedBytes)"),
        ]
        let token = custody.token
        fields.append(("hsm.token", token?.label ?? configuration.hsm.tokenLabel ?? ""))
        if let known = custody.identity {
            fields += [("hsm.serial", known.serial), ("hsm.landmark", known.landmarkText)]
        }
        if let token {
            fields += [
                ("hsm.model", token.model),
                ("hsm.library", token.library),
                ("hsm.key_types", token.keyTypes.map(\.name).joined(separator: " ")),
            ]
        }
        fields += [("hsm.processes", "\(server.liveProcesses)"), ("hsm.requests_waiting", "\(health.parked)")]
        if let token { fields.append(("hsm.wall", token.uid == geteuid() ? "none" : "stands")) }
        if configuration.plugins.run == .ownUser {
            fields.append(("plugins.files", PluginFileRules.shortfall == nil ? "confined" : "as dtad's user"))
        }
        let unknown = agent.orders.unknownEpochs
        if !unknown.isEmpty {
            fields.append(("orders.unknown_epochs", unknown.prefix(20).map { "\($0)" }.joined(separator: " ")))
        }
        fields += agent.ledger.nodeHealth.map { ("ipfs.\($0.0)", $0.1) }
        if let halt { fields.append(("reason", halt.message)) }
        if !up { fields.append(("hsm.reason", health.outage?.message ?? "an HSM process is being started")) }
        return fields
    }
}
