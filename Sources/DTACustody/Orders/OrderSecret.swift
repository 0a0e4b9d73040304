import CustodyProtocol
import DTABytes
import DTAFormats
import DTASystem

/// The blob that dtad-hsm seals for an order, and opens before it releases or signs: the seed, and the order as its
/// principal signed it. Sealed in the domain `dta/epoch/2`:
///
///     seed (32; zeros if the key is on the token) ‖ DAG-CBOR
///       { "by": link, "conditions": {}, "order": bytes, "thread": bytes(16), "use": "release" }, or
///       { "by": link, "conditions": {}, "object": bytes(16), "order": bytes, "spki": bytes, "thread": bytes(16),
///         "use": "sign" }
///
/// `conditions` is for what later versions ask for beyond the order's terms. This one knows none, and refuses a blob
/// that has one, another use or another field.
///
/// The seed stands before the rest, so that it is never copied to be read.
struct OrderSecret {
    static let seedSize = 32
    /// What stands in the seed's place if the key is on the token.
    static var noSeed: Secret { Secret(count: seedSize) { _ in } }

    /// A key on the token.
    struct Key {
        let object: ObjectID
        /// The public key that its signatures must fit, even if another key has that id by now. Nil in blobs of
        /// `dta/epoch/1`, which named only the id: these sign nothing.
        let publicKey: PublicKey?
    }

    /// Part 1's plaintext.
    let plaintext: [UInt8]
    let order: Order
    let thread: [UInt8]
    /// The principal that signed part 1.
    let principal: CID
    /// The key on the token, if the order has one instead of a seed.
    var key: Key?

    init(plaintext: [UInt8], order: Order, thread: [UInt8], principal: CID, key: Key? = nil) {
        self.plaintext = plaintext
        self.order = order
        self.thread = thread
        self.principal = principal
        self.key = key
    }

    // MARK: Reading

    private static let fields: Set = ["by", "conditions", "order", "thread", "use"]
    private static let keyFields: Set = ["object", "spki"]

    /// Reads all but the seed.
    /// - Parameter domain: in which it was sealed.
    /// - Throws: `DTAError.dataLoss` for what is laid out in another way.
    init(sealed bytes: borrowing Secret, _ domain: SealedBlob.Domain) throws {
        do {
            let record = try bytes.withBytes {
                try DAGCBOR.decode($0.extracting(droppingFirst: OrderSecret.seedSize))
            }
            guard case .map(let map) = record,
                case .bytes(let plaintext)? = map["order"], case .bytes(let thread)? = map["thread"],
                case .link(let principal)? = map["by"], thread.count == 16
            else { throw OrderSecret.unreadable("it lacks what every order has") }
            let order = try Order(plaintext)
            let key = try domain == .epoch1 ? OrderSecret.firstKey(map) : OrderSecret.key(map, of: order)
            self.init(plaintext: plaintext, order: order, thread: thread, principal: principal, key: key)
        } catch let error as FormatError {
            throw OrderSecret.unreadable(error.reason)
        }
    }

    /// The key that a blob of `dta/epoch/1` names.
    private static func firstKey(_ map: DAGCBOR.Map) throws -> Key? {
        guard case .bytes(let object)? = map["object"] else { return nil }
        return Key(object: try ObjectID(object), publicKey: nil)
    }

    private static func key(_ map: DAGCBOR.Map, of order: Order) throws -> Key? {
        guard case .map(let conditions)? = map["conditions"], case .text(let use)? = map["use"] else {
            throw unreadable("it lacks what every order has")
        }
        guard conditions.count == 0 else {
            throw unreadable("it has a condition that this dtad-hsm does not know: \(conditions.entries[0].key)")
        }
        guard use == (order.kind == OrderKind.sign ? "sign" : "release") else {
            throw unreadable("its use is not that of its order")
        }
        let expected = use == "sign" ? fields.union(keyFields) : fields
        guard Set(map.entries.map(\.key)) == expected else { throw unreadable("it has other fields") }
        guard use == "sign" else { return nil }
        guard case .bytes(let object)? = map["object"], case .bytes(let spki)? = map["spki"] else {
            throw unreadable("its key is not named by bytes")
        }
        let publicKey = try PublicKey(spkiDER: spki)
        guard publicKey.algorithm == order.algorithm else { throw unreadable("its key is of another algorithm") }
        return Key(object: try ObjectID(object), publicKey: publicKey)
    }

    private static func unreadable(_ why: String) -> DTAError {
        DTAError(.dataLoss, "an order's sealed blob holds something else: \(why)")
    }

    // MARK: Writing

    /// The plaintext to be sealed in `dta/epoch/2`.
    /// - Throws: `DTAError.internal` for a key without its public half: that is never sealed anew.
    func bytes(seed: borrowing Secret) throws -> Secret {
        var map: DAGCBOR.Map = [
            "by": .link(principal), "conditions": .map([:]), "order": .bytes(plaintext), "thread": .bytes(thread),
            "use": .text(key == nil ? "release" : "sign"),
        ]
        if let key {
            guard let publicKey = key.publicKey else {
                throw DTAError(.internal, "an order's key is sealed together with its public half")
            }
            map["object"] = .bytes(key.object.bytes)
            map["spki"] = .bytes(publicKey.spkiDER)
        }
        return seed.followed(by: try DAGCBOR.encode(.map(map)))
    }

    // MARK: What blobs are sealed for

    /// The binding of a new blob: one order of one owner.
    static func binding(order: CID, owner: ObjectOwner) -> SealedBlob.Binding {
        SealedBlob.Binding(domain: .epoch2, purpose: "order", owner: owner.uid, id: order.bytes)
    }

    /// The binding of an existing blob, by its version.
    /// - Throws: `DTAError.dataLoss` if it is no blob.
    static func binding(of sealed: [UInt8], order: CID, owner: ObjectOwner) throws -> SealedBlob.Binding {
        var binding = binding(order: order, owner: owner)
        if try SealedBlob(sealed).version == 1 { binding.domain = .epoch1 }
        return binding
    }

    /// The binding of a plugin's state of an order.
    static func stateBinding(order: CID, owner: ObjectOwner) -> SealedBlob.Binding {
        SealedBlob.Binding(domain: .epoch1, purpose: "plugin", owner: owner.uid, id: order.bytes)
    }
}
