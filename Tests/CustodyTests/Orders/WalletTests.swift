import CustodyProtocol
import DTAFormats
import DTASystem
import TestSupport
import Testing

/// The fiduciary's host and the beneficiary's are the same token here: two users of it.
@Suite("Wallets' keys", .ownThread)
struct WalletTests {
    let host: OrderHost
    let heir: HeldIdentity
    let share: CreatedShare

    init() throws {
        host = try OrderHost()
        heir = try HeldIdentity(host.custody, owner: ObjectOwner(uid: 2000), name: "heir")
        share = try host.custody.ask(CreateShare(owner: heir.owner, beneficiary: heir.document.cid, terms: nil))
    }

    private var documents: [[UInt8]] { host.documents + [heir.document.block] }

    /// A wallet whose beneficiary is the heir, and what the heir got of it.
    private struct Wallet {
        let publicKey: [UInt8]
        let commitment: SealedPart
        let release: SealedPart
        let part2: SignedEnvelope
        let part4: SignedEnvelope
    }

    private func order(_ share: [UInt8], terms: OrderTerms? = nil) throws -> Order {
        try Order(
            kind: OrderKind.bitcoinWallet, terms: terms ?? self.terms(),
            fields: OrderFields([OrderKind.share: .bytes(share)]))
    }

    private func terms() throws -> OrderTerms {
        try OrderTerms(
            fiduciary: host.fiduciary.document.cid, principal: host.principal.cid, beneficiary: heir.document.cid,
            redeemers: [heir.document.cid], recipient: heir.document.cid)
    }

    /// - Parameter later: the heir, where he was replaced between parts 2 and 3.
    private func make(share: [UInt8], later: HeldIdentity? = nil) throws -> Wallet {
        let heir = later ?? self.heir
        let documents = documents + (later.map { [$0.document.block] } ?? [])
        let order = try order(share)
        let part1 = try host.part1(order)
        let made = try host.custody.ask(
            NewSeed(
                fiduciary: host.fiduciary.recipientKey, order: SignedBlock(part1.block),
                documents: documents.map(SignedBlock.init), epoch: 1))
        let commitment = try OrderCommitment(
            order: part1.cid, kind: order.kind, terms: order.terms, publicKey: made.publicKey, proof: made.proof)
        let part2 = try host.fiduciary.part(
            host.custody, .commitment, commitment.encoded(), to: [self.heir.document], answering: part1)
        let redemption = try OrderRedemption(
            order: part1.cid, terms: order.terms, use: 1, nonce: [UInt8](repeating: 0, count: 16))
        let part3 = try heir.part(
            host.custody, .redemption, redemption.encoded(), to: [host.fiduciary.document], answering: part2)
        let envelope = try Envelope(
            encoded: host.custody.ask(
                Release(
                    RedemptionRequest(
                        fiduciary: host.fiduciary.recipientKey, sealed: made.sealed, order: part1.cid,
                        redemption: SignedBlock(part3.block),
                        approvals: [], documents: documents.map(SignedBlock.init), received: OrderHost.now))))
        let part4 = try host.fiduciary.sign(host.custody, envelope)
        return Wallet(
            publicKey: made.publicKey,
            commitment: SealedPart(recipient: self.heir.recipientKey, block: SignedBlock(part2.block)),
            release: SealedPart(recipient: heir.recipientKey, block: SignedBlock(part4.block)), part2: part2,
            part4: part4)
    }

    private func export(
        _ wallet: Wallet, share: CreatedShare? = nil, commitment: SealedPart? = nil, release: SealedPart? = nil,
        documents: [[UInt8]]? = nil
    ) throws -> [UInt8] {
        try host.custody.ask(
            ExportWallet(
                share: share ?? self.share, commitment: commitment ?? wallet.commitment,
                release: release ?? wallet.release,
                documents: (documents ?? self.documents).map(SignedBlock.init)))
    }

    @Test("the key is the sum of the fiduciary's and the beneficiary's parts, which only the beneficiary gets")
    func sum() throws {
        let wallet = try make(share: share.publicKey)
        let key = try export(wallet)
        let sum = try WalletSum(
            fiduciary: Secp256k1PublicKey(wallet.publicKey), beneficiary: Secp256k1PublicKey(share.publicKey))
        #expect(try Secp256k1Scalar(key).publicKey == sum.publicKey)
        #expect(sum.publicKey.bytes != wallet.publicKey && sum.publicKey.bytes != share.publicKey)
    }

    @Test("a beneficiary who was rotated in between opens each part with the keys that it was sealed to")
    func rotated() throws {
        let later = try HeldIdentity(host.custody, owner: heir.owner, name: "heir", replacing: heir)
        let wallet = try make(share: share.publicKey, later: later)
        let sum = try WalletSum(
            fiduciary: Secp256k1PublicKey(wallet.publicKey), beneficiary: Secp256k1PublicKey(share.publicKey))
        let key = try export(wallet, documents: documents + [later.document.block])
        #expect(try Secp256k1Scalar(key).publicKey == sum.publicKey)
        host.refused(.permissionDenied, "without the document that links the two") {
            try export(wallet)
        }
    }

    @Test("the fiduciary's proof binds the share, and what is no share is refused")
    func proof() throws {
        let order = try order(share.publicKey)
        let part1 = try host.part1(order)
        let made = try host.custody.ask(
            NewSeed(
                fiduciary: host.fiduciary.recipientKey, order: SignedBlock(part1.block),
                documents: documents.map(SignedBlock.init), epoch: 1))
        let sum = try WalletSum(
            fiduciary: Secp256k1PublicKey(made.publicKey), beneficiary: Secp256k1PublicKey(share.publicKey))
        try sum.verify(made.proof, order: part1.cid)
        let other = try WalletSum(
            fiduciary: Secp256k1PublicKey(made.publicKey),
            beneficiary: Secp256k1PublicKey(
                host.custody.ask(CreateShare(owner: heir.owner, beneficiary: heir.document.cid, terms: nil)).publicKey)
        )
        #expect(throws: FormatError.self) { try other.verify(made.proof, order: part1.cid) }
        for bad in [[], [UInt8](repeating: 0, count: 33), [4] + Array(share.publicKey.dropFirst())] {
            host.refused(.invalidArgument) {
                try host.custody.ask(
                    NewSeed(
                        fiduciary: host.fiduciary.recipientKey, order: SignedBlock(host.part1(self.order(bad)).block),
                        documents: documents.map(SignedBlock.init),
                        epoch: 1))
            }
        }
        host.refused(.invalidArgument, "no share at all") {
            try host.custody.ask(
                NewSeed(
                    fiduciary: host.fiduciary.recipientKey,
                    order: SignedBlock(host.part1(Order(kind: OrderKind.bitcoinWallet, terms: terms())).block),
                    documents: documents.map(SignedBlock.init),
                    epoch: 1))
        }
    }

    @Test("no key comes of another wallet's parts, another share, or parts that the fiduciary did not sign")
    func forged() throws {
        let wallet = try make(share: share.publicKey)
        let second = try host.custody.ask(CreateShare(owner: heir.owner, beneficiary: heir.document.cid, terms: nil))
        let other = try make(share: second.publicKey)
        let sameShare = try make(share: share.publicKey)
        host.refused(.permissionDenied, "another's part 4") { try export(wallet, release: other.release) }
        host.refused(.permissionDenied, "another's part 4, same share") {
            try export(wallet, release: sameShare.release)
        }
        host.refused(.permissionDenied, "another's part 2") { try export(wallet, commitment: other.commitment) }
        host.refused(.dataLoss, "another share") { try export(wallet, share: second) }
        host.refused(.dataLoss, "another share's public key") {
            try export(wallet, share: CreatedShare(sealed: share.sealed, publicKey: second.publicKey))
        }
        host.refused(.dataLoss, "an altered share") {
            try export(
                wallet, share: CreatedShare(sealed: share.sealed.flipped(at: 40), publicKey: share.publicKey))
        }
        let thief = try Remote("thief")
        let known = documents + [thief.document.block]
        for (name, forged) in [("part 2", wallet.part2), ("part 4", wallet.part4)] {
            let block = try forged.signed(by: thief)
            let part = SealedPart(recipient: heir.recipientKey, block: SignedBlock(block))
            host.refused(.dataLoss, "\(name) with another's signature") {
                try name == "part 2"
                    ? export(wallet, commitment: part, documents: known)
                    : export(wallet, release: part, documents: known)
            }
        }
        // Made by another than the fiduciary, and rightly signed by him.
        let made = try thief.part(
            .release,
            OrderRelease(
                order: wallet.part2.envelope.header.previous ?? wallet.part2.cid, terms: terms(), use: 1,
                redemption: wallet.part2.cid, received: 1, released: 1, approvals: [],
                result: OrderFields([OrderKind.share: .bytes([UInt8](repeating: 1, count: 32))])
            ).encoded(), to: [heir.document], answering: wallet.part2)
        host.refused(.permissionDenied) {
            try export(
                wallet, release: SealedPart(recipient: heir.recipientKey, block: SignedBlock(made.block)),
                documents: known)
        }
        // By the fiduciary, with a share that is not the committed one.
        let wrong = try host.fiduciary.part(
            host.custody, .release,
            OrderRelease(
                order: wallet.part2.envelope.header.previous ?? wallet.part2.cid, terms: terms(), use: 1,
                redemption: wallet.part2.cid, received: 1, released: 1, approvals: [],
                result: OrderFields([OrderKind.share: .bytes([UInt8](repeating: 1, count: 32))])
            ).encoded(), to: [heir.document], answering: wallet.part2)
        host.refused(.dataLoss) {
            try export(wallet, release: SealedPart(recipient: heir.recipientKey, block: SignedBlock(wrong.block)))
        }
        host.refused(.permissionDenied, "a redemption as a release") {
            try export(wallet, release: wallet.commitment)
        }
        _ = try export(wallet)
    }

    @Test("a share serves its own user and beneficiary only, and is no order, seed or row")
    func shares() throws {
        let wallet = try make(share: share.publicKey)
        let stranger = try HeldIdentity(host.custody, owner: ObjectOwner(uid: 2001), name: "stranger")
        let another = try HeldIdentity(host.custody, owner: heir.owner, name: "another")
        var key = heir.recipientKey
        key.owner = stranger.owner
        host.refused(.permissionDenied) {
            try export(wallet, commitment: SealedPart(recipient: key, block: wallet.commitment.block))
        }
        host.refused(.permissionDenied) {
            try export(
                wallet, release: SealedPart(recipient: stranger.recipientKey, block: wallet.release.block),
                documents: documents + [stranger.document.block])
        }
        // Another beneficiary's share, put into the order by a careless principal.
        let theirs = try host.custody.ask(
            CreateShare(
                owner: heir.owner, beneficiary: another.document.cid, terms: nil))
        let mixed = try make(share: theirs.publicKey)
        host.refused(.permissionDenied) {
            try export(mixed, share: theirs, documents: documents + [another.document.block])
        }
        for purpose in ["wallet share", "order"] {
            host.refused(.dataLoss) {
                try host.custody.ask(UnsealState(sealed: share.sealed, purpose: purpose, id: share.publicKey))
            }
        }
        host.refused(.dataLoss) {
            try host.custody.ask(
                ResealOrder(
                    sealed: share.sealed, order: heir.document.cid, owner: heir.owner, epoch: 1))
        }
    }

    /// Parts 2 and 4 of a fiduciary whom somebody made up, and who so knows the other half of the key.
    private func madeUp(_ share: [UInt8], _ f: Secp256k1Scalar) throws -> (Wallet, documents: [[UInt8]]) {
        let thief = try Remote("thief")
        let terms = try OrderTerms(
            fiduciary: thief.cid, principal: thief.cid, beneficiary: heir.document.cid,
            redeemers: [heir.document.cid], recipient: heir.document.cid)
        let part1 = try thief.part(
            .order, order(share, terms: terms).encoded(), to: [thief.document], answering: nil)
        let sum = try WalletSum(fiduciary: f.publicKey, beneficiary: Secp256k1PublicKey(share))
        let part2 = try thief.part(
            .commitment,
            OrderCommitment(
                order: part1.cid, kind: OrderKind.bitcoinWallet, terms: terms, publicKey: f.publicKey.bytes,
                proof: sum.proof(for: part1.cid, with: f)
            ).encoded(), to: [heir.document], answering: part1)
        let part4 = try thief.part(
            .release,
            OrderRelease(
                order: part1.cid, terms: terms, use: 1, redemption: part2.cid, received: 1, released: 1, approvals: [],
                result: OrderFields([OrderKind.share: .bytes(f.withUnsafeBytes { Array($0) })])
            ).encoded(), to: [heir.document], answering: part2)
        let wallet = Wallet(
            publicKey: f.publicKey.bytes,
            commitment: SealedPart(recipient: heir.recipientKey, block: SignedBlock(part2.block)),
            release: SealedPart(recipient: heir.recipientKey, block: SignedBlock(part4.block)), part2: part2,
            part4: part4)
        return (wallet, documents + [thief.document.block])
    }

    @Test("a share that was made for one order opens under no other terms; one that is published, under any")
    func bound() throws {
        let bound = try host.custody.ask(
            CreateShare(
                owner: heir.owner, beneficiary: heir.document.cid, terms: terms().hash))
        let wallet = try make(share: bound.publicKey)
        let sum = try WalletSum(
            fiduciary: Secp256k1PublicKey(wallet.publicKey), beneficiary: Secp256k1PublicKey(bound.publicKey))
        #expect(try Secp256k1Scalar(export(wallet, share: bound)).publicKey == sum.publicKey)

        let f = Secp256k1Scalar.generate()
        let (forged, known) = try madeUp(bound.publicKey, f)
        host.refused(.permissionDenied, "the front makes a fiduciary of its own") {
            try export(forged, share: bound, documents: known)
        }
        // What docs/wallet.md says of those that were published in advance: nobody knows yet who will be the fiduciary.
        let (open, all) = try madeUp(share.publicKey, f)
        let key = try Secp256k1Scalar(export(open, share: share, documents: all))
        #expect(
            try key.publicKey
                == WalletSum(fiduciary: f.publicKey, beneficiary: Secp256k1PublicKey(share.publicKey)).publicKey)

        for length in [1, 31] {
            host.refused(.invalidArgument) {
                try host.custody.ask(
                    CreateShare(
                        owner: heir.owner, beneficiary: heir.document.cid,
                        terms: [UInt8](repeating: 1, count: length)))
            }
        }
        // One kind is not made of the other by cutting it.
        host.refused(.dataLoss) {
            try export(
                wallet, share: CreatedShare(sealed: Array(bound.sealed.dropLast(32)), publicKey: bound.publicKey))
        }
    }
}
