import CustodyProtocol
import DTAFormats
import DTASystem

/// What dtad-hsm seals for an order, and reads again before it releases anything: the seed, and the order as its principal
/// signed it. Sealed:
///
///     seed (32; zeros where the key is on the token) ‖ DAG-CBOR { "by": link, "object": bytes(16)?, "order": bytes, "thread": bytes(16) }
///
/// The seed stands before the rest, so that it is never copied to be read.
struct OrderSecret {
    static let seedSize = 32
    /// The largest plaintext: part 1, and what is around it.
    static let sizeLimit = Order.sizeLimit + 512

    /// Part 1's plaintext.
    let plaintext: [UInt8]
    let order: Order
    let thread: [UInt8]
    /// The principal, as he signed.
    let principal: CID
    /// The key on the token, where the seed is not one.
    let object: ObjectID?

    init(plaintext: [UInt8], order: Order, thread: [UInt8], principal: CID, object: ObjectID?) {
        self.plaintext = plaintext
        self.order = order
        self.thread = thread
        self.principal = principal
        self.object = object
    }

    /// Reads all but the seed.
    init(sealed bytes: [UInt8]) throws {
        guard bytes.count > OrderSecret.seedSize,
            case .map(let map) = try DAGCBOR.decode(Array(bytes[OrderSecret.seedSize...])),
            case .bytes(let plaintext)? = map["order"], case .bytes(let thread)? = map["thread"],
            case .link(let principal)? = map["by"], thread.count == 16
        else { throw DTAError(.dataLoss, "an order's sealed blob holds something else") }
        self.plaintext = plaintext
        self.thread = thread
        self.principal = principal
        order = try Order(plaintext)
        if case .bytes(let object)? = map["object"] { self.object = try ObjectID(object) } else { object = nil }
    }

    /// The plaintext to be sealed, which the caller wipes.
    func bytes(seed: [UInt8]) throws -> [UInt8] {
        var map: DAGCBOR.Map = ["order": .bytes(plaintext), "thread": .bytes(thread), "by": .link(principal)]
        map["object"] = object.map { .bytes($0.bytes) }
        let record = try DAGCBOR.encode(.map(map))
        // One array of the final size: growing it would leave the seed behind in memory that is let go.
        var bytes: [UInt8] = []
        bytes.reserveCapacity(OrderSecret.seedSize + record.count)
        bytes.append(contentsOf: seed)
        bytes.append(contentsOf: record)
        return bytes
    }

    /// What such a blob is sealed for: one order of one owner.
    static func binding(order: CID, owner: ObjectOwner) -> SealedBlob.Binding {
        SealedBlob.Binding(domain: "dta/epoch/1", purpose: "order", owner: owner.uid, id: order.bytes)
    }

    // MARK: What a plugin keeps by itself

    /// The most that a plugin keeps of an order.
    static let stateLimit = 64 << 10

    /// What that is sealed for.
    static func stateBinding(order: CID, owner: ObjectOwner) -> SealedBlob.Binding {
        SealedBlob.Binding(domain: "dta/epoch/1", purpose: "plugin", owner: owner.uid, id: order.bytes)
    }
}
