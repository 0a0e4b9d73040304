import CustodyProtocol
import DTAConfiguration
import DTASystem
import Logging

/// All services of the agent, on one state directory.
public final class Core: Sendable {
    public let policy: LivePolicy
    public let audit: AuditLog
    public let keys: KeyService
    private let state: StateDirectory
    private let store: Store
    private let intents: Intents
    private let logger: Logger

    /// Opens what the configuration names, without the HSM.
    /// - Parameter forget: called when a token object is gone, to let every HSM process drop its copy; it must not block.
    /// - Throws: `DTAError` that says what to do.
    public init(_ configuration: Configuration, logger: Logger, forget: @escaping @Sendable (ObjectID) -> Void) throws {
        self.logger = logger
        policy = LivePolicy(try Policy(configuration.grants))
        state = try StateDirectory(configuration.state)
        store = try Store(directory: configuration.state)
        audit = try AuditLog(directory: configuration.state)
        intents = Intents(store: store, logger: logger)
        keys = try KeyService(
            store: store, intents: intents, policy: policy, keysPerUser: configuration.limits.keysPerUser,
            logger: logger, forget: forget)
    }

    /// What a start does once the HSM answers: clears what a crash left, and compares the database with the token.
    public func recover(_ custodian: any Custodian) throws {
        try sweep(custodian)
        try keys.crossCheck(custodian)
    }

    /// Whether an act that failed left something on the token that `sweep` can clear.
    public var needsSweep: Bool { intents.arePending }

    /// Clears what acts that failed left on the token. At any time, and again after the HSM was away.
    public func sweep(_ custodian: any Custodian) throws { try intents.sweep(custodian) }
}
