import Crypto
import DTASystem
import Foundation
import GRDB
import TestSupport
import Testing

@testable import DTAAgent
@testable import DTACore
@testable import DTAFormats
@testable import DTAIdentities
@testable import DTALedger
@testable import DTAOrders

/// A fiduciary elsewhere that signs what it likes, and what this host makes of it as the principal or the beneficiary.
@Suite("The beneficiary's part of a wallet")
struct WalletShareTests {
    private let host: Host
    private let me: SignedIdentity
    private let bank: Correspondent
    private let heir: Correspondent

    init() throws {
        host = try Host()
        let cid = try host.identity("me").cid
        me = try SignedIdentity(block: host.core.ledger.get("\(cid)").bytes)
        let kem = try Correspondent.kem()
        (bank, heir) = (try Correspondent("bank", kem: kem), try Correspondent("heir", kem: kem))
        for somebody in [bank, heir] {
            _ = try host.core.ledger.put(alice, data: somebody.document.block, contentType: dagCBOR)
        }
    }

    private func key() -> Secp256k1PublicKey { Secp256k1Scalar.generate().publicKey }

    /// This host's order to the bank.
    private func order(_ share: Secp256k1PublicKey? = nil) throws -> SignedEnvelope {
        var new = NewOrder()
        new.type = OrderKind.bitcoinWallet
        new.fiduciary = "\(bank.document.cid)"
        new.beneficiary = "\(heir.document.cid)"
        new.redeemers = [new.beneficiary]
        new.fields = share.map { [(OrderKind.share, $0.description)] } ?? []
        let answer = try host.core.orders.create(alice, new)(host.custodian)
        return try SignedEnvelope(block: host.core.ledger.get("\(answer.order.cid)").bytes)
    }

    /// The bank's own order to itself.
    /// - Parameter beneficiary: nil: this host. Else this host approves.
    private func foreignOrder(for other: CID? = nil) throws -> (SignedEnvelope, OrderTerms) {
        let beneficiary = other ?? me.cid
        let terms = try OrderTerms(
            fiduciary: bank.document.cid, principal: bank.document.cid, beneficiary: beneficiary,
            redeemers: [beneficiary], recipient: beneficiary, approvers: other == nil ? [] : [me.cid],
            approvals: other == nil ? 0 : 1)
        let order = try Order(kind: OrderKind.bitcoinWallet, terms: terms, fields: .none)
        return (try put(order.encoded(), .order, to: [bank.document], answering: nil), terms)
    }

    private func put(
        _ plaintext: [UInt8], _ kind: OrderPartKind, to: [SignedIdentity], answering previous: SignedEnvelope?
    ) throws -> SignedEnvelope {
        let envelope = try EnvelopeSealer.seal(
            plaintext, content: kind.contentType, from: bank.document.cid, to: to,
            created: Int64(Date().timeIntervalSince1970), answering: previous)
        let signed = try bank.sign(envelope)
        _ = try host.core.ledger.put(alice, data: signed.block, contentType: dagCBOR)
        return signed
    }

    /// The bank commits itself, to the sum of its own part and `share`, with a proof that fits; this host receives it.
    /// - Returns: the reason of the refusal; nil where it was accepted.
    private func commit(
        to order: SignedEnvelope, _ terms: OrderTerms, with share: Secp256k1PublicKey
    ) throws -> String? {
        let f = Secp256k1Scalar.generate()
        let proof = try WalletSum(fiduciary: f.publicKey, beneficiary: share).proof(for: order.cid, with: f)
        let commitment = try OrderCommitment(
            order: order.cid, kind: OrderKind.bitcoinWallet, terms: terms, publicKey: f.publicKey.bytes, proof: proof,
            fields: OrderFields([OrderKind.share: .bytes(share.bytes)]))
        let signed = try put(commitment.encoded(), .commitment, to: [me], answering: order)
        do {
            _ = try host.core.orders.receive(alice, "\(signed.cid)")(host.custodian)
        } catch {
            return DTAError(error).message
        }
        return nil
    }

    private func terms(of order: SignedEnvelope) throws -> OrderTerms {
        try host.core.orders.store.read { try #require(try OrderTable.find(order.cid, in: $0)).terms }
    }

    @Test("a principal refuses a wallet of which the fiduciary has put in the other part, and takes that of its order")
    func principal() throws {
        let share = key()
        let order = try order(share)
        let terms = try terms(of: order)
        let refused = try #require(try commit(to: order, terms, with: key()))
        #expect(refused.contains("another share than the order names"))
        #expect(try commit(to: order, terms, with: share) == nil)
    }

    @Test(
        "a beneficiary refuses a wallet of which the other part is not one of its own shares, and notes the use of its own"
    )
    func beneficiary() throws {
        let shares = try host.core.orders.publishShares(alice, "me", count: 2)(host.custodian).shares
        let own = try shares.map { try Secp256k1PublicKey($0.share) }
        let (order, terms) = try foreignOrder()
        let refused = try #require(try commit(to: order, terms, with: key()))
        #expect(refused.contains("not the beneficiary's"))
        // Nor is a share of somebody else on the same host.
        try host.identity("other", of: bob)
        let others = try host.core.orders.publishShares(bob, "other", count: 1)(host.custodian).shares
        let foreign = try #require(try commit(to: order, terms, with: Secp256k1PublicKey(others[0].share)))
        #expect(foreign.contains("not the beneficiary's"))
        #expect(try commit(to: order, terms, with: own[0]) == nil)

        let (second, theirs) = try foreignOrder()
        // Somebody's invention, or another principal's who took the same: neither keeps the other out.
        #expect(try commit(to: second, theirs, with: own[0]) == nil)
        let used = try host.core.orders.listShares(alice, count: 10, cursor: "").items.map(\.order)
        #expect(used == [order.cid, nil])
    }

    @Test("a share that a stranger names in an order of his own is still free, for its beneficiary and for principals")
    func namedByStrangers() throws {
        let own = try Secp256k1PublicKey(
            host.core.orders.publishShares(alice, "me", count: 1)(host.custodian).shares[0].share)
        let (invented, strangers) = try foreignOrder(for: heir.document.cid)
        #expect(try commit(to: invented, strangers, with: own) == nil)
        #expect(try shares(alice).map(\.order) == [nil])
        let (real, terms) = try foreignOrder()
        #expect(try commit(to: real, terms, with: own) == nil)
        #expect(try shares(alice).map(\.order) == [real.cid])

        let offered = key()
        _ = try offer([offered], created: 1)
        let (another, others) = try foreignOrder(for: heir.document.cid)
        #expect(try commit(to: another, others, with: offered) == nil)
        let order = try order()
        #expect(try commit(to: order, self.terms(of: order), with: offered) == nil)
    }

    @Test("a fiduciary refuses an order by signature whose share another of its orders uses")
    func usedAtTheFiduciary() throws {
        _ = try host.core.identities.trust(root, "\(bank.document.cid)", alias: "bank", url: "")
        let terms = try OrderTerms(
            fiduciary: me.cid, principal: bank.document.cid, beneficiary: heir.document.cid,
            redeemers: [heir.document.cid], recipient: heir.document.cid)
        let share = key()
        let fields = try OrderFields([OrderKind.share: .bytes(share.bytes)])
        try host.core.orders.store.write { database in
            try host.core.orders.shares.take(OrderKind.bitcoinWallet, fields, for: me.cid, in: database)
        }
        let order = try Order(kind: OrderKind.bitcoinWallet, terms: terms, fields: fields)
        let part = try put(order.encoded(), .order, to: [me, bank.document], answering: nil)
        let answer = try host.core.orders.receive(alice, "\(part.cid)")(host.custodian)
        #expect(answer.order.state == .refused && answer.order.reason.contains("each is used once"))
        #expect(answer.parts.map(\.part.kind) == [.refusal])
    }

    @Test("a principal takes each published share for one order, and says when there is none left")
    func published() throws {
        let shares = [key(), key()]
        let list = try EnvelopeSealer.publish(
            WalletShares(shares).encoded(), content: WalletShares.contentType, from: heir.document.cid, created: 1)
        _ = try host.core.ledger.put(alice, data: heir.sign(list).block, contentType: dagCBOR)
        var taken: Set<Secp256k1PublicKey> = []
        for _ in shares {
            let order = try order()
            let bytes = try host.core.orders.store.read {
                try Data.fetchOne(
                    $0, sql: "SELECT share FROM order_shares WHERE in_order = ?", arguments: [order.cid.column])
            }
            let share = try Secp256k1PublicKey([UInt8](#require(bytes)))
            #expect(taken.insert(share).inserted)
            #expect(try commit(to: order, terms(of: order), with: share) == nil)
        }
        #expect(taken == Set(shares))
        let error = try refusal { _ = try order() }
        #expect(error.code == .failedPrecondition && error.message.contains("no share"))
        // Nor by name.
        #expect(try refusal { _ = try order(shares[0]) }.message.contains("each is used once"))
    }

    @Test("of lists from before there was a table of offered shares, the migration takes up what no order uses")
    func migration() throws {
        let shares = [key(), key(), key()]
        let list = try host.core.ledger.get("\(offer(shares, created: 1))")
        let directory = try TemporaryDirectory()
        do {
            let queue = try DatabaseQueue(path: directory.file("state.sqlite"))
            try StoreMigrations.migrator.migrate(queue, upTo: "identities")
            try queue.write { database in
                try database.execute(
                    sql: """
                        INSERT INTO blocks (cid, bytes, size, kind, stored, owner_uid, owner_name)
                        VALUES (?, ?, ?, 'envelope', 77, 1000, 'alice')
                        """, arguments: [Data(list.cid.bytes), Data(list.bytes), list.bytes.count])
            }
            try StoreMigrations.migrator.migrate(queue, upTo: "restorations")
            try queue.write { database in
                try database.execute(
                    sql: "INSERT INTO order_shares (share, in_order) VALUES (?, x'01')",
                    arguments: [Data(shares[1].bytes)])
            }
        }
        let offered = try Store(directory: directory.path).read { database in
            try Row.fetchAll(database, sql: "SELECT sender, place, share FROM offered_shares ORDER BY place")
        }
        #expect(offered.map { $0["place"] as Int } == [0, 2])
        #expect(offered.map { [UInt8]($0["share"] as Data) } == [shares[0].bytes, shares[2].bytes])
        #expect(offered.allSatisfy { $0["sender"] as Data == Data(heir.document.cid.bytes) })
    }

    private func offer(_ shares: [Secp256k1PublicKey], created: Int64) throws -> CID {
        let list = try EnvelopeSealer.publish(
            WalletShares(shares).encoded(), content: WalletShares.contentType, from: heir.document.cid,
            created: created)
        let signed = try heir.sign(list)
        _ = try host.core.ledger.put(alice, data: signed.block, contentType: dagCBOR)
        return signed.cid
    }

    @Test(
        "a free share of a wallet is found behind however many lists of used ones, and a list is held as long as it has one"
    )
    func manyLists() throws {
        let orders = host.core.orders
        let lists = try (1...300).map { number in
            let shares = [key(), key()]
            return (cid: try offer(shares, created: Int64(number)), shares: shares)
        }
        try orders.store.write { database in
            for share in lists.dropLast().flatMap(\.shares) + [lists[299].shares[0]] {
                try orders.shares.take(
                    OrderKind.bitcoinWallet, OrderFields([OrderKind.share: .bytes(share.bytes)]), for: me.cid,
                    in: database)
            }
        }
        func held(_ cid: CID) throws -> Bool { try orders.store.read { try OfferedShares.holds(cid, in: $0) } }
        #expect(try held(lists[299].cid) && !held(lists[298].cid))
        // The same list again offers nothing again.
        _ = try offer(lists[0].shares, created: 1)
        let order = try order()
        #expect(try commit(to: order, terms(of: order), with: lists[299].shares[1]) == nil)
        #expect(try !held(lists[299].cid))
        #expect(try refusal { _ = try self.order() }.message.contains("no share"))
    }

    @Test("shares that a list offers and that are not its sender's are forgotten, and those of others are found")
    func forgedList() throws {
        let late = try Correspondent("late", kem: Correspondent.kem())
        func list() throws -> SignedEnvelope {
            try late.sign(
                EnvelopeSealer.publish(
                    WalletShares([key()]).encoded(), content: WalletShares.contentType, from: late.document.cid,
                    created: 1))
        }
        let signature = try Curve25519.Signing.PrivateKey().signature(
            for: SignedBytes.make(context: SignedBytes.envelope, hash: list().innerHash))
        let block = try DAGCBOR.encode(
            .map([
                "envelope": DAGCBOR.decode(list().envelope.encoded),
                "signatures": .list([.map(["by": .text("self"), "sig": .bytes(Array(signature))])]),
            ]))
        // Nobody can tell yet whose it is.
        let forged = try host.core.ledger.put(alice, data: block, contentType: dagCBOR)
        func isOffering() throws -> Bool {
            try host.core.orders.store.read { try OfferedShares.holds(forged, in: $0) }
        }
        #expect(try isOffering())
        _ = try host.core.ledger.put(alice, data: late.document.block, contentType: dagCBOR)
        func order() throws {
            var new = NewOrder()
            new.type = OrderKind.bitcoinWallet
            new.fiduciary = "\(bank.document.cid)"
            new.beneficiary = "\(late.document.cid)"
            new.redeemers = [new.beneficiary]
            _ = try host.core.orders.create(alice, new)(host.custodian)
        }
        #expect(try refusal { try order() }.message.contains("no share"))
        #expect(try !isOffering())
        _ = try host.core.ledger.put(alice, data: list().block, contentType: dagCBOR)
        try order()
    }

    /// An order of an own identity's with the bank, for another own one.
    private func order(_ caller: Caller, _ principal: String, for beneficiary: String) throws {
        var new = NewOrder()
        new.type = OrderKind.bitcoinWallet
        new.principal = principal
        new.fiduciary = "\(bank.document.cid)"
        new.beneficiary = beneficiary
        new.redeemers = [beneficiary]
        _ = try host.core.orders.create(caller, new)(host.custodian)
    }

    private func shares(_ caller: Caller) throws -> [WalletShare] {
        try host.core.orders.listShares(caller, count: 100, cursor: "").items
    }

    @Test("a user has no shares made for another user's identity, and takes what that one has published")
    func othersShares() throws {
        try host.identity("bobs", of: bob)
        #expect(try refusal { try order(bob, "bobs", for: "me") }.message.contains("no share"))
        #expect(try shares(alice).isEmpty)
        _ = try host.core.orders.publishShares(alice, "me", count: 1)(host.custodian)
        try order(bob, "bobs", for: "me")
        #expect(try shares(alice).map { $0.order != nil } == [true])
        try order(alice, "me", for: "me")
        #expect(try shares(alice).count == 2, "for oneself they are made fresh")
        #expect(
            code { _ = try host.core.orders.publishShares(bob, "me", count: 1)(host.custodian) } == .permissionDenied)
    }

    @Test("a user has no more shares than the configuration says, and what is refused leaves none")
    func limit() throws {
        let host = try Host { $0.walletSharesPerUser = 3 }
        try host.identity("me")
        _ = try host.core.ledger.put(alice, data: bank.document.block, contentType: dagCBOR)
        func publish(_ count: UInt32) throws {
            _ = try host.core.orders.publishShares(alice, "me", count: count)(host.custodian)
        }
        func order() throws {
            var new = NewOrder()
            new.type = OrderKind.bitcoinWallet
            new.fiduciary = "\(bank.document.cid)"
            _ = try host.core.orders.create(alice, new)(host.custodian)
        }
        try publish(2)
        let refused = try refusal { try publish(2) }
        #expect(refused.code == .resourceExhausted && refused.hint.contains("wallet_shares_per_user"))
        try order()
        #expect(code { try order() } == .resourceExhausted)
        #expect(try host.core.orders.listShares(alice, count: 100, cursor: "").items.count == 3)
        #expect(try host.core.orders.list(alice, count: 10, cursor: "", filters: OrderFilters([])).items.count == 1)
        try host.identity("bobs", of: bob)
        _ = try host.core.orders.publishShares(bob, "bobs", count: 3)(host.custodian)
    }
}
