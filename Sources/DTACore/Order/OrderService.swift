import CustodyProtocol
import DTAFormats
import DTAPlugins
import DTASystem
import Foundation
import GRDB
import Logging

/// Orders: what somebody has kept by somebody else, each step of it a signed part that others can verify. One dtad may
/// be principal, fiduciary and beneficiary at once; an order has one row here, whatever part this host has in it.
///
/// A part that is made here goes the same way as one that a courier brings: it is judged by the same rules, in the
/// transaction that stores it.
public final class OrderService: Sendable {
    let identities: IdentityService
    let envelopes: EnvelopeService
    let blocks: BlockStore
    let intents: Intents
    let policy: LivePolicy
    public let plugins: PluginRegistry
    let rules: OrderRules
    /// How many shares of wallets each user may have made.
    let sharesPerUser: Int
    let epochs: OrderEpochs
    let clock: WallClock
    let audit: AuditLog
    let logger: Logger
    /// Why the keys of orders that are used in place cannot be used; by the order's row.
    let damages = Locked<[Int64: String]>([:])
    /// The rows of orders whose keys an earlier release sealed by their ids alone.
    let unbound = Locked<Set<Int64>>([])
    /// Keys of orders on the token that the database does not name.
    let strangers = Locked<Set<ObjectID>>([])
    /// Destructions that were decided and cannot be finished now; by the orders' rows.
    let unfinished = Locked<Set<Int64>>([])
    /// Those of which the journal says already that they go on.
    let announced = Locked<Set<Int64>>([])
    /// The look for open redemptions that nobody can answer any more.
    let watch = Locked(Watch())
    /// Called when a token object is gone, to let every HSM process drop its copy.
    let forget: @Sendable (ObjectID) -> Void

    let lookup: PartyLookup
    let office: PostOffice
    let orders: OrderLookup
    let partRules: PartRules
    let redemptions: OpenRedemptions
    let shares: WalletShareTable
    let checks: PreOpenChecks
    let book: OrderBook

    var store: Store { blocks.store }

    init(
        envelopes: EnvelopeService, intents: Intents, policy: LivePolicy, plugins: PluginRegistry, rules: OrderRules,
        sharesPerUser: Int, clock: WallClock, audit: AuditLog, logger: Logger,
        forget: @escaping @Sendable (ObjectID) -> Void
    ) {
        self.envelopes = envelopes
        identities = envelopes.identities
        blocks = envelopes.blocks
        self.intents = intents
        self.policy = policy
        self.plugins = plugins
        self.rules = rules
        self.sharesPerUser = sharesPerUser
        self.clock = clock
        self.audit = audit
        self.logger = logger
        self.forget = forget
        lookup = PartyLookup(identities: envelopes.identities, policy: policy)
        office = PostOffice(lookup: lookup, envelopes: envelopes, clock: clock)
        orders = OrderLookup(lookup: lookup, envelopes: envelopes)
        shares = WalletShareTable(lookup: lookup)
        partRules = PartRules(lookup: lookup, plugins: plugins, shares: shares, clock: clock)
        redemptions = OpenRedemptions(lookup: lookup, rules: partRules, clock: clock)
        checks = PreOpenChecks(store: envelopes.blocks.store, rules: partRules)
        book = OrderBook(
            blocks: envelopes.blocks, lookup: lookup, rules: partRules, redemptions: redemptions, shares: shares,
            ordersPerUser: rules.ordersPerUser, clock: clock, journal: OrderJournal(logger: logger))
        epochs = OrderEpochs(store: envelopes.blocks.store, clock: clock)
    }

    /// What an act on an order answers.
    public struct Answer: Sendable {
        public let order: OrderView
        /// Those that are to be carried to others.
        public let parts: [OrderPartView]
        /// What is to be told beside.
        public var fields: [(String, String)] = []
    }
}
