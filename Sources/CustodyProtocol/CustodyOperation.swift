import DTASystem

/// The operations of dtad-hsm. The numbers are those on the wire and never change; each has its type in `Messages`. 21
/// made an order's key under an id that the front chose, and is no longer served.
public enum CustodyOperation: UInt8, Sendable, CaseIterable {
    case describe = 1
    case random = 2
    case list = 3
    case generate = 4
    case publicKey = 5
    case delete = 6
    case forget = 7
    case sign = 8
    case mac = 9
    case encrypt = 10
    case decrypt = 11
    case createIdentity = 12
    case signDocument = 13
    case openKey = 14
    case sealState = 15
    case unsealState = 16
    case setAffinity = 17
    case createPostQuantumKey = 18
    case signPostQuantum = 19
    case newSeed = 20
    case release = 22
    case signForOrder = 23
    case newEpoch = 24
    case resealOrder = 25
    case destroyEpoch = 26
    case createShare = 27
    case exportWallet = 28
    case epochs = 29
    case sealOrderState = 30
    case openOrderState = 31
    case resealOrderState = 32
    case newOrderKey = 33
    case version = 34
    /// The first request on a connection, and none later.
    case begin = 35
    case examine = 36
    case signRSA = 37
    case beginImport = 38
    case importKey = 39
    case origin = 40
    case agree = 41

    /// The version of the whole protocol: it grows when dtad and dtad-hsm of two releases would misunderstand each
    /// other.
    public static let protocolVersion: UInt32 = 2
    /// Numbers that were served before.
    public static let retired: Set<UInt8> = [21]
}

/// What an object on the token may be used for; it is in the object's label, which only dtad-hsm writes.
public enum ObjectClass: UInt8, Sendable, CaseIterable {
    /// Keys that users make: sign, mac, encrypt, decrypt, agree, public, delete.
    case user = 1
    /// An identity's signing key: signDocument, createPostQuantumKey, signPostQuantum, delete.
    case identitySigning = 2
    /// An identity's X25519 key: openKey, delete.
    case identityKEM = 3
    /// A key that signs for one order on the token: newOrderKey, signForOrder, delete.
    case order = 4
    /// AES-256 that seals seeds: never on the wire.
    case seal = 5
    /// AES-256 for rows that the front must read: sealState, unsealState.
    case state = 6
    /// AES-256 that seals the secrets of up to 1,024 orders, to be destroyed when one of them is: newEpoch,
    /// destroyEpoch, epochs, sealOrderState, openOrderState.
    case epoch = 7
    /// The one key that signs wrapping keys for keys that are imported: beginImport.
    case importing = 8

    /// Whether its objects are AES keys that the front names by their number, not by an id.
    public var isSealing: Bool { [.seal, .state, .epoch].contains(self) }

    /// Whether the front may list and delete its objects.
    public var isTheFronts: Bool { !isSealing && self != .importing }

    /// As in labels: `dta/user/1000/…`.
    public var name: String {
        switch self {
        case .user: "user"
        case .identitySigning: "id-sign"
        case .identityKEM: "id-kem"
        case .order: "order"
        case .seal: "seal"
        case .state: "state"
        case .epoch: "epoch"
        case .importing: "import"
        }
    }
}

/// The kinds of key that users make. The numbers are those on the wire and in the store.
public enum KeyType: UInt8, Sendable, CaseIterable {
    case ed25519 = 1
    case p256 = 2
    case secp256k1 = 3
    case hmacSHA256 = 4
    case aes256 = 5
    case p384 = 6
    case rsa2048 = 7
    case rsa3072 = 8
    case rsa4096 = 9
    case p256ECDH = 10
    case p384ECDH = 11

    /// As people write it.
    public var name: String {
        switch self {
        case .ed25519: "ed25519"
        case .p256: "p256"
        case .secp256k1: "secp256k1"
        case .hmacSHA256: "hmac-sha256"
        case .aes256: "aes256"
        case .p384: "p384"
        case .rsa2048: "rsa2048"
        case .rsa3072: "rsa3072"
        case .rsa4096: "rsa4096"
        case .p256ECDH: "p256-ecdh"
        case .p384ECDH: "p384-ecdh"
        }
    }

    /// Whether it signs by an `RSAScheme` and decrypts by OAEP. Making such a key is slow: seconds, or a minute on some
    /// HSMs.
    public var isRSA: Bool { [.rsa2048, .rsa3072, .rsa4096].contains(self) }

    /// Whether it agrees on secrets by ECDH, and does nothing else.
    public var isECDH: Bool { [.p256ECDH, .p384ECDH].contains(self) }

    public init?(name: String) {
        guard let type = KeyType.allCases.first(where: { $0.name == name }) else { return nil }
        self = type
    }
}

/// The name of a token object: 16 bytes, its CKA_ID. Those of orders' keys follow from the order; the others are
/// random.
public struct ObjectID: Sendable, Hashable {
    public let bytes: [UInt8]

    /// - Throws: `DTAError.invalidArgument` unless there are exactly 16 bytes.
    public init(_ bytes: [UInt8]) throws {
        guard bytes.count == 16 else {
            throw DTAError(.invalidArgument, "an object id has 16 bytes, not \(bytes.count)")
        }
        self.bytes = bytes
    }

    public static func random() -> ObjectID {
        var generator = SystemRandomNumberGenerator()
        return ObjectID(unchecked: (0..<16).map { _ in UInt8.random(in: 0...255, using: &generator) })
    }

    private init(unchecked bytes: [UInt8]) { self.bytes = bytes }
}

/// The user that a token object belongs to, as its label says.
public struct ObjectOwner: Sendable, Hashable {
    public let uid: UInt32

    public init(uid: UInt32) { self.uid = uid }

    /// The agent itself: (uid_t)-1, which no user can have (POSIX).
    public static let agent = ObjectOwner(uid: .max)
}

/// An object on the token, as `list` answers it.
public struct TokenObject: Sendable, Hashable {
    public let objectClass: ObjectClass
    public let owner: ObjectOwner
    public let id: ObjectID

    public init(objectClass: ObjectClass, owner: ObjectOwner, id: ObjectID) {
        self.objectClass = objectClass
        self.owner = owner
        self.id = id
    }
}
