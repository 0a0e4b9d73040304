import CustodyProtocol
import DTABytes
import DTAFormats

// Tests know the secrets: they give, take and compare them as arrays.

extension Secret {
    public init(_ bytes: [UInt8]) { self.init(copying: bytes.span) }

    public var array: [UInt8] { withBytes { Array(copying: $0) } }
}

extension SecretReference {
    public var array: [UInt8] { withBytes { Array(copying: $0) } }

    public static func == (one: SecretReference, other: [UInt8]) -> Bool { one.array == other }
}

extension Custodian {
    public func ask<Message: CustodyMessage>(_ message: Message) throws -> [UInt8]
    where Message.Answer == SecretReference {
        let answer: SecretReference = try ask(message)
        return answer.array
    }
}

extension SealState {
    public init(plaintext: [UInt8], purpose: String, id: [UInt8]) {
        self.init(plaintext: SecretReference(copying: plaintext), purpose: purpose, id: id)
    }
}

extension SealOrderState {
    public init(state: [UInt8], order: CID, owner: ObjectOwner, epoch: UInt32) {
        self.init(state: SecretReference(copying: state), order: order, owner: owner, epoch: epoch)
    }
}

extension Encrypt {
    public init(id: ObjectID, plaintext: [UInt8], associatedData: [UInt8]) {
        self.init(id: id, plaintext: SecretReference(copying: plaintext), associatedData: associatedData)
    }
}

extension KeyUnwrapping {
    public static func unwrapContentKey(
        coreHash: [UInt8], recipient: CID, enc: [UInt8], key: [UInt8], publicKEM: [UInt8],
        mlkemSeed: some Sequence<UInt8>, x25519: (_ ctX: [UInt8]) throws -> [UInt8]
    ) throws -> [UInt8] {
        try unwrapContentKey(
            coreHash: coreHash, recipient: recipient, enc: enc, key: key, publicKEM: publicKEM,
            mlkemSeed: Secret(Array(mlkemSeed))
        ) { Secret(try x25519($0)) }.array
    }
}

extension EnvelopeOpener {
    public static func open(_ envelope: Envelope, contentKey: [UInt8]) throws -> [UInt8] {
        try open(envelope, contentKey: Secret(contentKey)).array
    }

    public static func keys(_ envelope: Envelope, contentKey: [UInt8]) throws -> ContentKeys {
        try keys(envelope, contentKey: Secret(contentKey))
    }
}

extension ChunkCipher {
    public init(key: some Sequence<UInt8>) throws { try self.init(key: Secret(Array(key))) }
}
