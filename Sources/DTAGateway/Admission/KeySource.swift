import DTASystem
import Logging

/// The issuer's current keys. They are read when they are first needed, again when they are old, and when a token names
/// an unknown one, but at most every few seconds: issuers change keys without notice. During a look-up the old keys
/// stay in use, so that no client waits for a slow issuer.
actor KeySource {
    /// Key names that strangers invent must not make us ask the issuer all the time.
    static let pauseSeconds: UInt64 = 10
    /// During a look-up, keys may be as old as this times `refresh_s`.
    static let patience: UInt64 = 2

    /// How many unused keys the log names.
    private static let shown = 5

    private let fetch: @Sendable () async throws -> [UInt8]
    private let place: String
    private let refresh: UInt64
    private let stale: UInt64
    private let logger: Logger
    private let now: @Sendable () -> UInt64

    private var keys: KeySet?
    private var read: UInt64 = 0
    private var tried: UInt64?
    private var current: Task<Void, Never>?

    /// - Parameters:
    ///   - fetch: the bytes of the key set.
    ///   - now: a monotonic clock, in nanoseconds.
    init(
        _ token: GatewayConfiguration.Token, logger: Logger,
        now: @escaping @Sendable () -> UInt64 = monotonicNanoseconds,
        fetch: @escaping @Sendable () async throws -> [UInt8]
    ) {
        place = token.place
        refresh = UInt64(token.refreshSeconds) * 1_000_000_000
        stale = UInt64(token.staleSeconds) * 1_000_000_000
        self.logger = logger
        self.now = now
        self.fetch = fetch
    }

    /// The keys that may have signed a token; none if the issuer has none.
    /// - Throws: `Problem` if there are no keys, or only old ones.
    func candidates(id: String?, algorithm: TokenAlgorithm) async throws -> [KeySet.Key] {
        if keys == nil {
            await update()
        } else {
            let age = now() - read
            if age > KeySource.patience * refresh {
                // There was no request for long: a key that was revoked meanwhile must not be used again.
                await update()
            } else if age > refresh {
                begin()
            }
        }
        let known = try usable().candidates(id: id, algorithm: algorithm)
        guard known.isEmpty else { return known }
        await update()
        return try usable().candidates(id: id, algorithm: algorithm)
    }

    /// Whether tokens can be verified now.
    var isReady: Bool {
        get async {
            if keys == nil { await update() }
            return (try? usable()) != nil
        }
    }

    private func usable() throws -> KeySet {
        guard let keys, now() - read <= stale else {
            throw Problem.busy("the issuer's keys cannot be had, so no token can be verified")
        }
        return keys
    }

    /// All requests that wait for keys wait for the same attempt.
    private func update() async { await begin()?.value }

    /// - Returns: the current attempt; nil if it is too early for another.
    @discardableResult
    private func begin() -> Task<Void, Never>? {
        if let current { return current }
        if let tried, now() - tried < KeySource.pauseSeconds * 1_000_000_000 { return nil }
        tried = now()
        let task = Task { await replace() }
        current = task
        return task
    }

    /// Logs which keys are not used, once for each set.
    private func note(_ skipped: [KeySet.Skipped]) {
        guard skipped != keys?.skipped ?? [] else { return }
        for key in skipped.prefix(KeySource.shown) {
            logger.notice(
                "a key of the issuer's is not used: it \(key.reason)",
                metadata: ["from": "\(place)", "key": "\(key.place)"])
        }
        guard skipped.count > KeySource.shown else { return }
        logger.notice(
            "more keys of the issuer's are not used", metadata: ["keys": "\(skipped.count - KeySource.shown)"])
    }

    private func replace() async {
        defer { current = nil }
        do {
            let fresh = try KeySet(try await fetch())
            if keys == nil {
                logger.info(
                    "the issuer's keys were read", metadata: ["from": "\(place)", "keys": "\(fresh.keys.count)"])
            }
            note(fresh.skipped)
            keys = fresh
            read = now()
        } catch {
            let reason = (error as? KeySet.Malformed)?.reason ?? DTAError(error).message
            logger.error("the issuer's keys cannot be read: \(reason)", metadata: ["from": "\(place)"])
        }
    }
}
