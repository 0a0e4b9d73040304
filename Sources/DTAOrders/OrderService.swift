import CustodyProtocol
import DTACore
import DTAEnvelopes
import DTAFormats
import DTASystem
import Logging

/// Orders: a fiduciary keeps something for others, and each step is a signed part that others can verify. One dtad may
/// be principal, fiduciary and beneficiary at once; an order has one row here, also if this host has several roles in it.
///
/// The router calls this type. It builds the components below; each knows only those that were built before it.
package final class OrderService: Sendable {
    package let plugins: PluginRegistry
    private let book: OrderBook
    private let office: PostOffice
    private let views: OrderViews
    private let principal: Principal
    private let redeemer: Redeemer
    private let approver: Approver
    private let recipient: Recipient
    private let beneficiary: Beneficiary
    private let fiduciary: Fiduciary
    private let intake: Intake
    private let epochs: EpochAdministration
    private let tokenCheck: OrderTokenCheck
    private let housekeeping: OrderHousekeeping

    var store: Store { book.store }
    var shares: WalletShareTable { book.shares }

    /// - Parameters:
    ///   - sharesPerUser: how many shares of wallets each user may have made.
    ///   - forget: called when a token object is gone, so that every HSM process drops its copy.
    package init(
        envelopes: EnvelopeService, intents: Intents, policy: LivePolicy, plugins: PluginRegistry, rules: OrderRules,
        sharesPerUser: Int, clock: WallClock, audit: AuditLog, logger: Logger,
        forget: @escaping @Sendable (ObjectID) -> Void
    ) {
        self.plugins = plugins
        let events = OrderEvents(audit: audit, logger: logger)
        let health = OrderHealth()

        let lookup = PartyLookup(identities: envelopes.identities, policy: policy)
        let orders = OrderLookup(lookup: lookup, envelopes: envelopes)
        let shares = WalletShareTable(lookup: lookup, plugins: plugins)
        let partRules = PartRules(lookup: lookup, plugins: plugins, shares: shares, clock: clock)
        let book = OrderBook(
            blocks: envelopes.blocks, lookup: lookup, rules: partRules,
            redemptions: OpenRedemptions(lookup: lookup, rules: partRules, clock: clock), shares: shares,
            ordersPerUser: rules.ordersPerUser, clock: clock, journal: OrderJournal(logger: logger))
        self.book = book
        let office = PostOffice(lookup: lookup, envelopes: envelopes, clock: clock)
        self.office = office
        let views = OrderViews(
            orders: orders, book: book, office: office, plugins: plugins, health: health, clock: clock)
        self.views = views

        let evidence = OrderEvidence(book: book, clock: clock)
        let orderEpochs = OrderEpochs(store: book.store, clock: clock)
        let secrets = OrderSecrets(
            store: book.store, epochs: orderEpochs, intents: intents, evidence: evidence, health: health,
            resealWithin: rules.resealWithin, clock: clock, logger: logger)
        let epochs = EpochAdministration(epochs: orderEpochs, events: events, clock: clock)
        self.epochs = epochs

        let refusals = RefusalMaker(book: book, envelopes: envelopes)
        let destroyer = SecretDestroyer(
            book: book, envelopes: envelopes, secrets: secrets, events: events, clock: clock, forget: forget)
        let fiduciary = Fiduciary(
            orders: orders, book: book, office: office, views: views, plugins: plugins, rules: rules,
            refusals: refusals, commitments: CommitmentMaker(book: book, plugins: plugins, secrets: secrets),
            releases: ReleaseMaker(
                book: book, plugins: plugins, secrets: secrets, evidence: evidence, health: health, clock: clock),
            destroyer: destroyer, logger: logger)
        self.fiduciary = fiduciary

        let beneficiary = Beneficiary(
            orders: orders, book: book, office: office, plugins: plugins, evidence: evidence,
            sharesPerUser: sharesPerUser, clock: clock)
        self.beneficiary = beneficiary
        principal = Principal(
            orders: orders, book: book, office: office, views: views, plugins: plugins, fiduciary: fiduciary,
            beneficiary: beneficiary, clock: clock)
        redeemer = Redeemer(
            orders: orders, book: book, office: office, views: views, plugins: plugins, refusals: refusals,
            fiduciary: fiduciary)
        approver = Approver(
            orders: orders, book: book, office: office, views: views, plugins: plugins, fiduciary: fiduciary,
            clock: clock)
        recipient = Recipient(orders: orders, book: book, office: office, plugins: plugins)
        intake = Intake(
            orders: orders, book: book, office: office, views: views,
            checks: PreOpenChecks(store: book.store, rules: partRules), plugins: plugins, refusals: refusals,
            fiduciary: fiduciary, logger: logger)

        tokenCheck = OrderTokenCheck(
            store: book.store, intents: intents, epochs: epochs, destroyer: destroyer, health: health, logger: logger)
        housekeeping = OrderHousekeeping(
            watch: UnanswerableWatch(book: book, rules: rules, refusals: refusals, logger: logger),
            destroyer: destroyer,
            epochs: EpochKeeper(book: book, secrets: secrets, destroyer: destroyer, clock: clock, logger: logger))
    }

    // MARK: Acts on orders

    package func create(_ caller: Caller, _ new: NewOrder) throws -> OrderAct { try principal.create(caller, new) }

    /// Encrypts a secret to an order's commitment, and seals it to the recipient of the result.
    /// - Parameter contentType: a media type; "": application/octet-stream.
    package func deposit(
        _ caller: Caller, _ subject: String, data: [UInt8], contentType: String
    ) throws -> CustodyStep<(answer: OrderAnswer, cid: CID)> {
        try principal.deposit(caller, subject, data: data, contentType: contentType)
    }

    /// Takes in a part whose envelope is in the ledger, after the parts that it follows.
    package func receive(_ caller: Caller, _ subject: String) throws -> OrderAct {
        try intake.receive(caller, subject)
    }

    /// - Parameters: `decision`: "": the next step; `reason`: why it is refused, one line; `redemption`: the CID of
    ///   the one that the caller saw: nothing is done if another is open; "": the open one.
    package func fulfil(
        _ caller: Caller, _ subject: String, decision: String, reason: String, redemption: String = ""
    ) throws -> OrderAct {
        try fiduciary.fulfil(caller, subject, decision: decision, reason: reason, redemption: redemption)
    }

    /// Asks for the release, or for a use.
    /// - Parameters: `identity`: the one to act as; nil: the caller's only one that may; `data`: what a use is about;
    ///   `fields`: what else the plugin asks for.
    package func redeem(
        _ caller: Caller, _ subject: String, as identity: String?, purpose: String, data: [UInt8],
        fields: [(String, String)]
    ) throws -> OrderAct {
        try redeemer.redeem(caller, subject, as: identity, purpose: purpose, data: data, fields: fields)
    }

    /// - Parameters: `decision`: approve or reject; `redemption`: its CID; "": the open one, if there is only one;
    ///   `use`: 0: the open one; `expires`: Unix seconds; 0: a day from now.
    package func approve(
        _ caller: Caller, _ subject: String, as identity: String?, decision: String, redemption: String, use: Int,
        expires: Int64
    ) throws -> OrderAct {
        try approver.approve(
            caller, subject, as: identity, decision: decision, redemption: redemption, use: use, expires: expires)
    }

    /// Destroys an order's secret, because a user who acts for the fiduciary asks for it.
    package func destroy(_ caller: Caller, _ subject: String) throws -> CustodyStep<OrderAnswer> {
        try fiduciary.destroy(caller, subject)
    }

    // MARK: Reading

    /// The result of a use, checked against the commitment before it is answered.
    /// - Parameter use: 0: the last that was released.
    package func result(_ caller: Caller, _ subject: String, use: Int) throws -> CustodyStep<OrderResult> {
        try recipient.result(caller, subject, use: use)
    }

    package func show(_ caller: Caller, _ subject: String) throws -> CustodyStep<ShownOrder> {
        try views.show(caller, subject)
    }

    /// The orders in which a caller has a part; all of them for an administrator.
    /// - Parameter subjects: CIDs of identities, one of which must have a part in an order; none: no such condition.
    package func list(
        _ caller: Caller, count: UInt32, cursor: String, filters: OrderFilters, of subjects: [String] = []
    ) throws -> Page<OrderView> {
        try views.list(caller, count: count, cursor: cursor, filters: filters, of: subjects)
    }

    /// The accepted parts of an order that are not in the chain before one of its parts, in the order in which they
    /// came.
    package func parts(
        after subject: String, of subjects: [String], count: UInt32, cursor: String
    ) throws -> Page<FollowingPart> {
        try views.parts(after: subject, of: subjects, count: count, cursor: cursor)
    }

    // MARK: Wallets

    /// Makes one-time shares, and publishes them in a signed list.
    package func publishShares(
        _ caller: Caller, _ subject: String, count: UInt32
    ) throws -> CustodyStep<(cid: CID, shares: [WalletShare])> {
        try beneficiary.publishShares(caller, subject, count: count)
    }

    package func listShares(_ caller: Caller, count: UInt32, cursor: String) throws -> Page<WalletShare> {
        try beneficiary.listShares(caller, count: count, cursor: cursor)
    }

    /// The private key of a wallet, if the fiduciary's part of it was released to the caller.
    package func export(_ caller: Caller, _ subject: String) throws -> CustodyStep<OrderResult> {
        try beneficiary.export(caller, subject)
    }

    // MARK: Epochs' keys

    package func listEpochs(_ caller: Caller) throws -> CustodyStep<EpochList> { try epochs.list(caller) }

    /// - Parameter subject: the number of a key that the database does not know.
    package func destroyEpoch(_ caller: Caller, _ subject: String) throws -> CustodyStep<EpochList> {
        try epochs.destroy(caller, subject)
    }

    package func renewEpochs(_ caller: Caller) throws -> CustodyStep<EpochList> { try epochs.renew(caller) }

    /// The epochs on the token that the database does not know, as of the last look at the token.
    package var unknownEpochs: [UInt32] { epochs.epochs.unknown }

    // MARK: Automatic work

    /// At a start: compares the database with the token.
    package func crossCheck(_ custodian: any Custodian) throws { try tokenCheck.run(office.post(custodian)) }

    package var hasWork: Bool { housekeeping.hasWork }

    /// Does part of this host's automatic work.
    package func work(_ custodian: any Custodian) throws { try housekeeping.work(office.post(custodian)) }
}
