import Crypto
import CustodyProtocol
import DTABytes
import DTAFormats
import DTASystem

/// `dtad-hsm --bind-order-keys`: binds the blobs of earlier releases, which named keys by their ids, to the keys
/// themselves.
///
/// An id does not show which key it stood for: a front that was taken over may have planted a blob that names a
/// victim's id. So the key for a blob comes from outside of this host: from the copy of part 2 that the order's
/// principal has. Two orders that name one key, or one id, contradict each other, and neither is bound.
public struct KeyBinding {
    /// The result for one key, for people.
    public struct Outcome: Sendable {
        /// Its owner: `order bafy…`, `identity bafy…`.
        public var subject: String
        /// SHA-256 of its SubjectPublicKeyInfo; nil if it was not bound.
        public var key: [UInt8]?
        /// Why it was not bound, or what was found; "" if there is nothing to say.
        public var reason: String
        /// Whether an administrator must look into it: a contradiction, and not only a missing file.
        public var isRefusal: Bool
    }

    private let custody: Custody
    private let keys: UnboundKeys
    private let claims: CommitmentClaims
    private var result = BoundKeys()
    private var outcomes: [Outcome] = []

    /// - Parameter archives: the principals' copies: CARs, as `dtactl order send --out` writes them.
    /// - Throws: `DTAError` if an archive cannot be read; `CustodyStartError` if the token is away.
    public static func run(
        _ custody: Custody, _ keys: UnboundKeys, archives: [(name: String, bytes: [UInt8])]
    ) throws -> (BoundKeys, [Outcome]) {
        var binding = KeyBinding(custody, keys, try CommitmentClaims(custody, keys, archives))
        try binding.bindOrders()
        try binding.bindIdentities()
        return (binding.result, binding.outcomes)
    }

    private init(_ custody: Custody, _ keys: UnboundKeys, _ claims: CommitmentClaims) {
        self.custody = custody
        self.keys = keys
        self.claims = claims
    }

    // MARK: Orders

    /// An order's blob that opens.
    private struct Opened {
        let entry: UnboundKeys.OrderKey
        let cid: CID
        let secret: OrderSecret
        let key: OrderSecret.Key
        let epoch: UInt32
    }

    private mutating func bindOrders() throws {
        var opened: [Opened] = []
        for entry in keys.orders {
            let cid = try custody.translating { try CID(bytes: entry.order) }
            do {
                if let one = try open(entry, cid) { opened.append(one) }
            } catch let error as DTAError where error.code != .unavailable {
                note("order \(cid)", "its blob does not open: \(error.message)", isRefusal: true)
            }
        }
        // The orders that claim a key: by an id in a blob, by the key in a blob, by the key in a commitment.
        var byObject: [ObjectID: Set<CID>] = [:]
        var byKey = claims.ordersByKey
        for one in opened {
            byObject[one.key.object, default: []].insert(one.cid)
            if let bound = one.key.publicKey { byKey[bound.raw, default: []].insert(one.cid) }
        }
        for one in opened where one.key.publicKey == nil {
            try bind(one, byObject, byKey)
        }
        for refusal in claims.refusals { note(refusal.subject, refusal.reason, isRefusal: true) }
    }

    /// - Returns: nil if it is of an order whose seed it carries: that needs no key.
    private func open(_ entry: UnboundKeys.OrderKey, _ cid: CID) throws -> Opened? {
        let binding = try OrderSecret.binding(of: entry.sealed, order: cid, owner: entry.owner)
        let bytes = try custody.climbing { try custody.unseal(entry.sealed, with: .epoch, binding) }
        let secret = try OrderSecret(sealed: bytes, binding.domain)
        guard let key = secret.key else { return nil }
        return Opened(
            entry: entry, cid: cid, secret: secret, key: key, epoch: try SealedBlob(entry.sealed).keyNumber)
    }

    private mutating func bind(_ one: Opened, _ byObject: [ObjectID: Set<CID>], _ byKey: [[UInt8]: Set<CID>]) throws {
        let subject = "order \(one.cid)"
        let found = claims.commitments[one.cid] ?? []
        guard let commitment = found.first else {
            return note(subject, "no file has its principal's copy of part 2", isRefusal: false)
        }
        guard Set(found.map(\.publicKey)).count == 1 else {
            return note(subject, "the files have commitments of it to different keys", isRefusal: true)
        }
        guard byKey[commitment.publicKey] == [one.cid] else {
            return note(
                subject, "another order names the same key: \(others(byKey[commitment.publicKey], one.cid))",
                isRefusal: true)
        }
        guard byObject[one.key.object] == [one.cid] else {
            return note(
                subject, "another order's blob names the same id: \(others(byObject[one.key.object], one.cid))",
                isRefusal: true)
        }
        guard commitment.terms == one.secret.order.terms, commitment.thread == one.secret.thread,
            let algorithm = one.secret.order.algorithm,
            let publicKey = try? PublicKey(algorithm, raw: commitment.publicKey)
        else { return note(subject, "the commitment is not one of the order that its blob holds", isRefusal: true) }
        do {
            let owner = one.entry.owner
            let holds = try custody.climbing {
                try custody.withKey(one.key.object, .order) { key, keyOwner in
                    try keyOwner == owner && custody.holds(key, publicKey) ? true : nil
                }
            }
            guard holds == true else {
                return note(
                    subject, "the key under its id is not the one that its principal was told of", isRefusal: true)
            }
            var secret = one.secret
            secret.key = OrderSecret.Key(object: one.key.object, publicKey: publicKey)
            let sealed = try custody.climbing {
                try custody.sealOrder(secret, seed: OrderSecret.noSeed, order: one.cid, owner: owner, epoch: one.epoch)
            }
            add(.order, one.cid.bytes, subject, old: one.entry.sealed, new: sealed, publicKey)
        } catch let error as DTAError where error.code != .unavailable {
            note(subject, error.message, isRefusal: true)
        }
    }

    private func others(_ orders: Set<CID>?, _ own: CID) -> String {
        (orders ?? []).subtracting([own]).map(\.description).sorted().prefix(4).joined(separator: ", ")
    }

    // MARK: Identities

    private mutating func bindIdentities() throws {
        for identity in keys.identities {
            guard let key = identity.postQuantum, (try? SealedBlob(key.sealedSeed).version) == 1 else { continue }
            let cid = identity.recipient.cid
            do {
                try bind(identity, key, cid)
            } catch let error as DTAError where error.code != .unavailable {
                note("identity \(cid)", error.message, isRefusal: true)
            } catch let error as FormatError {
                note("identity \(cid)", error.reason, isRefusal: true)
            }
        }
    }

    private mutating func bind(_ identity: UnboundKeys.Identity, _ key: PostQuantumKey, _ cid: CID) throws {
        let subject = "identity \(cid)"
        // Both of its own keys have signed it, which shows that they belong together.
        let document = try SignedIdentity(block: identity.document, named: cid)
        let own = document.identity.signing.publicKey
        guard document.identity.pq == key.publicKey else {
            return note(subject, "its document names another post-quantum key", isRefusal: true)
        }
        guard
            !keys.identities.contains(where: {
                $0.postQuantum?.publicKey == key.publicKey && $0.signing != identity.signing
            })
        else { return note(subject, "another identity names the same post-quantum key", isRefusal: true) }
        let owner = identity.recipient.owner
        let holds = try custody.climbing {
            try custody.withKey(identity.signing, .identitySigning) { found, keyOwner in
                try keyOwner == owner && custody.holds(found, own) ? true : nil
            }
        }
        guard holds == true else {
            return note(subject, "the signing key under its id is not the one that its document names", isRefusal: true)
        }
        let sealed = try custody.climbing {
            let seed = try custody.unseal(
                key.sealedSeed, with: .seal,
                PostQuantumSeed.binding(
                    .seal1, owner: owner, signing: identity.signing, publicKey: key.publicKey))
            guard seed.count == PostQuantumSeed.seedSize,
                Array(try PostQuantumSeed.key(seed).publicKey.rawRepresentation) == key.publicKey
            else { throw DTAError(.dataLoss, "its sealed seed is that of another post-quantum key") }
            return try custody.seal(seed, beside: own, identity.signing, of: owner, publicKey: key.publicKey)
        }
        add(.identity, cid.bytes, subject, old: key.sealedSeed, new: sealed, own)
    }

    // MARK: What came of it

    private mutating func add(
        _ kind: BoundKeys.Kind, _ cid: [UInt8], _ subject: String, old: [UInt8], new: [UInt8], _ key: PublicKey
    ) {
        let hash = Array(SHA256.hash(data: key.spkiDER))
        result.bindings.append(BoundKeys.Binding(kind, subject: cid, old: old, new: new, key: hash))
        outcomes.append(Outcome(subject: subject, key: hash, reason: "", isRefusal: false))
    }

    private mutating func note(_ subject: String, _ reason: String, isRefusal: Bool) {
        outcomes.append(Outcome(subject: subject, key: nil, reason: reason, isRefusal: isRefusal))
    }
}
