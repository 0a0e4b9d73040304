import CustodyProtocol
import DTAConfiguration
import DTACore
import DTAEnvelopes
import DTAFormats
import DTAIdentities
import DTAKubo
import DTALedger
import DTAOrders
import DTASystem
import Logging

/// All services of the agent, on one state directory.
package final class Agent: Sendable {
    package let policy: LivePolicy
    package let audit: AuditLog
    /// Decides which refusals are written, and which are counted.
    let refusals: RefusalThrottle
    package let keys: KeyService
    /// The keys, for the agent protocol of SSH.
    package let ssh: SSHService
    package let ledger: LedgerService
    /// Brings blocks to the IPFS node; nil if none is configured. It works on a thread that the caller gives it.
    package let publisher: Publisher?
    package let identities: IdentityService
    package let envelopes: EnvelopeService
    package let orders: OrderService
    let state: StateDirectory
    let store: Store
    /// The landmark that the administrator named.
    let tokenThatIsMeant: [UInt8]?
    let logger: Logger
    /// Compares log, database and token with each other.
    let keeper: AuditKeeper
    private let intents: Intents

    /// Opens everything in the configuration except the HSM.
    /// - Parameters:
    ///   - payer: the user as whom a uid counts.
    ///   - clock: the clock for orders.
    ///   - forget: called when a token object is gone, so that every HSM process drops its copy; it must not block.
    /// - Throws: `DTAError` that says what to do.
    package init(
        _ configuration: Configuration, logger: Logger, payer: @escaping @Sendable (UInt32) -> UInt32 = { $0 },
        clock: WallClock = .system, forget: @escaping @Sendable (ObjectID) -> Void
    ) throws {
        self.logger = logger
        refusals = RefusalThrottle(payer: payer)
        tokenThatIsMeant = configuration.hsm.landmark
        policy = LivePolicy(
            try Policy(configuration.grants, couriers: configuration.couriers, ssh: configuration.ssh))
        state = try StateDirectory(configuration.state)
        try AuditKeeper.refuseMissingDatabase(configuration.state)
        store = try Store(directory: configuration.state)
        keeper = try AuditKeeper(state, store, logger)
        audit = keeper.audit
        intents = Intents(store: store, logger: logger)
        keys = try KeyService(
            store: store, intents: intents, policy: policy, keysPerUser: configuration.limits.keysPerUser,
            logger: logger, forget: forget)
        ssh = try SSHService(store: store, keys: keys, policy: policy)
        let client = try configuration.kubo.map(KuboClient.init)
        let outbox = client.map { [store] _ in Outbox(store: store) }
        let blocks = BlockStore(
            store: store, segments: try SegmentDirectory(state: configuration.state),
            limit: configuration.limits.ledgerBytesPerUser, outbox: outbox,
            noting: { try OrderService.note($0, in: $1) })
        let swept = try blocks.sweepSegments()
        if swept.removed > 0 {
            logger.notice("cleared what was left of unfinished envelopes", metadata: ["files": "\(swept.removed)"])
        }
        for obstacle in swept.obstacles.prefix(10) {
            logger.warning("what is left of an unfinished envelope cannot be removed: \(obstacle)")
        }
        var publisher: Publisher?
        if let client, let outbox {
            try outbox.adopt()
            publisher = Publisher(client: client, outbox: outbox, blocks: blocks, logger: logger)
        }
        self.publisher = publisher
        identities = try IdentityService(
            blocks: blocks, intents: intents, policy: policy,
            identitiesPerUser: configuration.limits.identitiesPerUser, logger: logger)
        let envelopes = EnvelopeService(identities: identities, blocks: blocks)
        self.envelopes = envelopes
        orders = OrderService(
            envelopes: envelopes, intents: intents, policy: policy,
            plugins: try PluginRegistry(builtIn: BuiltInPlugins.all, configuration.plugins, logger: logger),
            rules: try OrderRules(configuration.orders), sharesPerUser: configuration.limits.walletSharesPerUser,
            clock: clock, audit: audit, logger: logger, forget: forget)
        ledger = LedgerService(
            blocks, publisher: publisher,
            isHeld: { [store] cid in try store.read { try OrderService.holds(cid, in: $0) } },
            judge: { try envelopes.judge(coming: $0) })
    }

    // MARK: With the HSM

    /// Completes the start once the HSM answers, before other requests to it: clears what a crash left, compares the
    /// database with the token, and makes the agent's own identity if there is none. It can be repeated.
    /// - Parameter token: the token of the HSM; nil: it is not known.
    /// - Throws: also if the token is not the one to which the state belongs.
    package func recover(_ custodian: any Custodian, token: TokenIdentity? = nil) throws {
        try refuseOtherToken(custodian)
        if let token { try recognize(token, custodian) }
        try sweep(custodian)
        try keys.crossCheck(custodian)
        try identities.crossCheck(custodian)
        try orders.crossCheck(custodian)
        try warnOfUnboundKeys()
        try recordBindings()
        try identities.makeAgentIdentity(custodian)
        if let signer = identities.signer { try keeper.compareSeal(signer, custodian) }
        state.endPermission()
    }

    /// Signs a checkpoint of the audit log, if one is due. For the slow lane.
    package func makeCheckpointIfDue(_ custodian: any Custodian) throws {
        guard audit.checkpointIsDue, let signer = identities.signer else { return }
        try audit.makeCheckpoint(signer, custodian)
    }

    /// Refuses a token that had an agent if the state never had a token: its earlier state is missing, or it belongs to
    /// another agent. Rows that need no token may exist already: dtad listens while its token is away.
    private func refuseOtherToken(_ custodian: any Custodian) throws {
        let neverHadOne = try knownToken == nil && !identities.hasAgent && keys.count == 0 && !intents.arePending
        guard neverHadOne, !state.mayBeginAnew else { return }
        try UsedToken.refuse(custodian, beside: state.path)
    }

    /// Whether a failed operation left something on the token that `sweep` can clear.
    package var needsSweep: Bool {
        identities.dropExpiredDrafts()
        return intents.arePending
    }

    /// Clears what failed operations left on the token. At any time, and again after the HSM was away.
    package func sweep(_ custodian: any Custodian) throws { try intents.sweep(custodian) }

    // MARK: Questions across services

    /// Reads the grants again. If anything in the configuration is wrong, this throws, and the old ones stay in force.
    package func reload(_ configuration: Configuration) throws {
        policy.replace(with: try Agent.checkedPolicy(configuration))
    }

    /// Finds errors in a configuration that otherwise only a start would find. It opens nothing.
    /// - Returns: the grants.
    /// - Throws: `DTAError` that names the line.
    @discardableResult
    package static func checkedPolicy(_ configuration: Configuration) throws -> Policy {
        _ = try OrderRules(configuration.orders)
        return try Policy(configuration.grants, couriers: configuration.couriers, ssh: configuration.ssh)
    }

    /// Whether a user may do something with a key or an identity, and why.
    /// - Parameters:
    ///   - uid: the user to explain; nil: the caller. Only administrators may ask about others.
    ///   - sshLogin: USER@HOST, if it is about signing a log-in by ssh; else "".
    package func explain(
        _ caller: Caller, subject: String, permission name: String, uid: UInt32?, sshLogin: String = ""
    ) throws -> Decision {
        let permission = try Permission(name: name)
        guard uid == nil || uid == caller.uid || caller.isAdministrator else {
            throw DTAError(
                .permissionDenied, "user \(caller.display) may not ask what other users may do",
                hint: "an administrator can")
        }
        // Trust is the host's decision, not the identity's owner's, and may concern an identity that is not known yet.
        if permission == .trust {
            return try explain(caller, permission, IdentityService.trustResource(subject), uid: uid)
        }
        let resource = permission.applies(to: .key) ? keys.resource(subject) : nil
        guard let resource = resource ?? identities.resource(subject) else {
            throw DTAError(.notFound, "there is no key and no own identity \(quoted(subject)) on this host")
        }
        guard !sshLogin.isEmpty else {
            let decision = try explain(caller, permission, resource, uid: uid)
            guard permission == .sign, ssh.asksFirst(subject) else { return decision }
            let reason = "\(resource.display) signs on ssh.sock only: its owner wants to be asked first"
            return Decision(isAllowed: false, reasons: decision.reasons + [reason])
        }
        let parts = sshLogin.split(separator: "@", omittingEmptySubsequences: false)
        guard permission == .sign, resource.kind == .key, parts.count == 2, parts.allSatisfy({ !$0.isEmpty }) else {
            throw DTAError(
                .invalidArgument, "a log-in by ssh is USER@HOST, and is signed with a key: the permission is sign")
        }
        return try explain(caller, uid: uid) {
            policy.current.explain(
                $0, loginAs: String(parts[0]), at: String(parts[1]), with: resource,
                destinations: try ssh.destinations(of: subject), asksFirst: ssh.asksFirst(subject))
        }
    }

    private func explain(
        _ caller: Caller, _ permission: Permission, _ resource: Resource, uid: UInt32?
    ) throws -> Decision {
        try explain(caller, uid: uid) { policy.current.explain($0, permission, resource) }
    }

    private func explain(_ caller: Caller, uid: UInt32?, _ judge: (Caller) throws -> Decision) throws -> Decision {
        guard let uid, uid != caller.uid else { return try judge(caller) }
        let answer = try judge(UserDatabase.caller(uid: uid))
        let caution =
            "only uid \(uid) and its groups are known here: grants to a program or a unit are judged when it connects"
        return Decision(isAllowed: answer.isAllowed, reasons: answer.reasons + [caution])
    }
}
