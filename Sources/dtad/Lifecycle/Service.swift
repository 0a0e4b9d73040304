import AgentServer
import ArgumentParser
import DTAAgent
import DTAConfiguration
import DTACore
import DTAService
import DTASystem
import Glibc
import Logging

/// dtad from its start to its end: connects the domain to the socket, and handles signals.
final class Service: Sendable {
    private static let tickMilliseconds = 250

    private let configuration: Configuration
    private let configurationPath: String
    private let logger: Logger
    private let listening: ListeningSocket
    private let agent: Agent
    private let custody: CustodyPools
    private let start: CustodyStart
    private let server: Server
    private let housekeeping: Housekeeping
    private let readiness: Readiness

    /// Each part is made before those that need it.
    init(
        configuration: Configuration, configurationPath: String, socket: String?, sshSocket: String?,
        shortfalls: [String]
    ) throws {
        self.configuration = configuration
        self.configurationPath = configurationPath
        let logger = makeLogger(configuration.log, program: "dtad")
        self.logger = logger
        for shortfall in shortfalls { logger.warning("a protection was refused: \(shortfall)") }

        let custody = try CustodyPools(
            processes: CustodyStart.processes(configuration.hsm),
            processors: configuration.hsm.keepPairs ? Processors.allowed() : [],
            deadline: UInt64(configuration.hsm.deadlineMilliseconds) * 1_000_000, logger: logger)
        self.custody = custody
        let subordinates = SubordinateUsers()
        let agent = try Agent(
            configuration, logger: logger, payer: { subordinates.payer(of: $0) }, forget: { custody.forget($0) })
        self.agent = agent
        // Now the state is locked: this is the only agent here, and may replace a stale socket.
        listening = try ListeningSocket.take(
            path: socket ?? configuration.socket, sshPath: sshSocket ?? configuration.ssh.socket)
        let start = try CustodyStart(
            CustodyLauncher(configurationPath: configurationPath, configuration: configuration.hsm), agent: agent,
            logger: logger)
        self.start = start

        let programs = agent.orders.plugins.programs
        let lanes = Lanes(custody, programs: programs, callsPerProgram: configuration.plugins.calls)
        let limits = ServerLimits(
            configuration, processes: custody.processes, programs: programs.count, logger: logger)
        let registry = try Registry(limits: limits)
        let router = Router(
            AgentParts(
                agent: agent, custodian: LaneCustodian { lanes.inSlowLane($0) },
                status: StatusReport(
                    configuration, agent: agent, custody: custody, start: start, registry: registry, limits: limits,
                    sshSocket: listening.ssh.first.flatMap { UnixSocket.path(of: $0.number) })))
        let ssh = SSHDialect(agent, logger: logger)
        SubordinateWatch.start(subordinates, logger)
        server = try Server(
            listeners: listening.agent.map { Listener($0) } + listening.ssh.map { Listener($0, .frames(ssh)) },
            handler: router, custody: custody, lanes: lanes, registry: registry,
            logger: logger, sources: CallerSources(agent.policy, subordinates))
        housekeeping = Housekeeping(agent, custody: custody, lanes: lanes, logger: logger)
        readiness = Readiness(custody, logger: logger) {
            let (token, keys) = (start.token?.label ?? "", agent.keys.count)
            return Readiness.Summary(
                text: "\(counted(custody.count, "HSM process", "HSM processes")), token \(token), "
                    + counted(keys, "key"),
                metadata: ["token": "\(token)", "keys": "\(keys)", "version": "\(Version.current)"])
        }
    }

    func run() throws {
        try startCustody()
        do { try server.serve() } catch { throw error.reason }
        defer { listening.removeBound() }
        Thread.start("audit-sync") { [housekeeping] in housekeeping.run() }
        if let publisher = agent.publisher { Thread.start("publisher") { publisher.run() } }
        readiness.announce()
        steer()
        stop()
    }

    /// Starts dtad-hsm. If the token is away, dtad goes on without it: it answers its clients, and serves them when the
    /// token is back. A fault that only a person can fix ends dtad, unless a service manager would start it again and
    /// again.
    private func startCustody() throws {
        do {
            // A client that asks as soon as dtad listens gets an answer from the HSM, if it works.
            try custody.start(
                patience: UInt64(configuration.hsm.deadlineMilliseconds) * 1_000_000,
                launch: { [start] () throws(CustodyLaunchError) in try start.launch() },
                allowsOneSession: { [start] in start.allowsOneSession })
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
            agent.ssh.confirmations.expire(monotonicNanoseconds())
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
        // Requests that wait for the node could take longer than the drain may.
        agent.publisher?.stop()
        housekeeping.sealAuditEnd()
        let limit = UInt64(configuration.limits.drainMilliseconds) * 1_000_000
        if !server.drain(deadline: monotonicNanoseconds() + limit) {
            logger.warning(
                "some requests were cut off: they took longer than \(configuration.limits.drainMilliseconds) ms")
        }
        do {
            // A record that cannot be written must not delay the others.
            try? agent.recordCounted()
            try agent.close()
        } catch {
            logger.error("\(DTAError(error).message)")
        }
        logger.info("stopped")
    }
}

extension CallerSources {
    /// - Parameter subordinates: the uids that count as another user.
    fileprivate init(_ policy: LivePolicy, _ subordinates: SubordinateUsers) {
        self.init()
        let digests = ExecutableDigest()
        payer = { subordinates.payer(of: $0) }
        hashesPrograms = { policy.current.needsExecutableDigest }
        needsDigest = { policy.current.needsExecutableDigest(of: $0) }
        digest = { digests.of(program: $0) }
    }
}
