import DTASystem

/// What `dtad bindings export` writes and `dtad-hsm --bind-order-keys` reads: the keys that a state has sealed blobs
/// of. The file has messages as on the wire, one after another; `docs/custody.md` lists their fields.
public struct UnboundKeys: Sendable, Equatable {
    /// An identity of this host: the keys that open envelopes to it, and its post-quantum key, if it has one.
    public struct Identity: Sendable, Equatable {
        public var recipient: RecipientKey
        public var signing: ObjectID
        /// The signed identity.
        public var document: [UInt8]
        public var postQuantum: PostQuantumKey?

        public init(recipient: RecipientKey, signing: ObjectID, document: [UInt8], postQuantum: PostQuantumKey?) {
            self.recipient = recipient
            self.signing = signing
            self.document = document
            self.postQuantum = postQuantum
        }
    }

    /// The key of an order, bound or not.
    public struct OrderKey: Sendable, Equatable {
        /// The CID of part 1.
        public var order: [UInt8]
        public var owner: ObjectOwner
        public var sealed: [UInt8]

        public init(order: [UInt8], owner: ObjectOwner, sealed: [UInt8]) {
            self.order = order
            self.owner = owner
            self.sealed = sealed
        }
    }

    public var identities: [Identity] = []
    public var orders: [OrderKey] = []

    public init() {}

    private static let title = "dta/unbound-keys/1"

    public var encoded: [UInt8] {
        var file = MessageFile(UnboundKeys.title)
        for identity in identities {
            file.add(1) {
                $0.field(identity.recipient)
                $0.field(identity.signing)
                $0.field(identity.document)
                $0.field(identity.postQuantum?.publicKey ?? [])
                $0.field(identity.postQuantum?.sealedSeed ?? [])
            }
        }
        for order in orders {
            file.add(2) {
                $0.field(order.order)
                $0.field(order.owner)
                $0.field(order.sealed)
            }
        }
        return file.bytes()
    }

    /// - Throws: `DTAError.invalidArgument` for another file.
    public init(_ bytes: [UInt8]) throws {
        try MessageFile.read(bytes, UnboundKeys.title) { message in
            switch message.head {
            case 1:
                let recipient = RecipientKey(
                    kem: try message.objectID(), owner: try message.owner(),
                    publicKEM: try message.field(exactly: 1216), sealedSeed: try message.field(atMost: 1024),
                    cid: try message.cid())
                let signing = try message.objectID()
                let document = try message.field(atMost: 16 << 10)
                let key = PostQuantumKey(
                    publicKey: try message.field(atMost: PostQuantumKey.publicKeySize),
                    sealedSeed: try message.field(atMost: 2048))
                identities.append(
                    Identity(
                        recipient: recipient, signing: signing, document: document,
                        postQuantum: key.publicKey.isEmpty ? nil : key))
            case 2:
                orders.append(
                    OrderKey(
                        order: try message.field(exactly: 36), owner: try message.owner(),
                        sealed: try message.field(atMost: 128 << 10)))
            default: throw DTAError(.invalidArgument, "a message of an unknown kind: \(message.head)")
            }
        }
    }
}
