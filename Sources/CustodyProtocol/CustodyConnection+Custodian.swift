import DTASystem

/// Each operation's fields, in the order of `docs/custody.md`.
extension CustodyConnection: Custodian {
    public func describe() throws -> TokenDescription {
        try call(.describe) { answer in
            TokenDescription(
                label: try answer.string(), serial: try answer.string(), manufacturer: try answer.string(),
                model: try answer.string(), library: try answer.string(),
                keyTypes: try answer.field(atMost: 256).compactMap(KeyType.init(rawValue:)),
                maximumSessions: try answer.uint32(), pid: Int32(truncatingIfNeeded: try answer.uint32()),
                uid: try answer.uint32(), memoryShortfall: try answer.string())
        }
    }

    /// Asks for the version of the protocol that the other side speaks.
    /// - Throws: `CustodyStartError` where it is another one: nothing else is to be asked then.
    public func requireSameVersion() throws {
        let own = CustodyOperation.protocolVersion
        let other: UInt32
        do {
            other = try call(.version) { try $0.uint32() }
        } catch let error as DTAError where error.code == .invalidArgument {
            // The first version had no such question.
            other = 1
        }
        guard other == own else {
            throw CustodyConnection.otherRelease("version \(other) of their protocol")
        }
    }

    /// Has the token do what a need takes, with keys that are gone afterwards.
    /// - Returns: what went wrong; empty where the token can do it.
    public func examine(_ need: TokenNeed) throws -> String {
        try call(.examine) {
            $0.field(need.rawValue)
        } _: {
            try $0.string()
        }
    }

    public func random(count: Int) throws -> [UInt8] {
        guard (1...65_536).contains(count) else {
            throw DTAError(.invalidArgument, "\(count) random bytes: from 1 to 65,536 can be asked for")
        }
        return try call(.random) {
            $0.field(UInt32(count))
        } _: {
            try $0.field(exactly: count)
        }
    }

    public func list(_ objectClass: ObjectClass) throws -> [TokenObject] {
        let bytes = try call(.list) {
            $0.field(objectClass.rawValue)
        } _: {
            try $0.field()
        }
        return try stride(from: 0, to: bytes.count, by: TokenObject.wireSize).map {
            try TokenObject(wire: bytes[$0..<min($0 + TokenObject.wireSize, bytes.count)])
        }
    }

    public func generate(_ type: KeyType, owner: ObjectOwner, id: ObjectID) throws -> [UInt8] {
        try call(.generate) {
            $0.field(type.rawValue)
            $0.field(owner.uid)
            $0.field(id.bytes)
        } _: {
            try $0.field(atMost: 256)
        }
    }

    public func publicKey(_ id: ObjectID) throws -> (KeyType, [UInt8]) {
        try call(.publicKey) {
            $0.field(id.bytes)
        } _: { answer in
            guard let type = KeyType(rawValue: try answer.byte()) else {
                throw DTAError(.invalidArgument, "an unknown key type")
            }
            return (type, try answer.field(atMost: 256))
        }
    }

    public func delete(_ objectClass: ObjectClass, id: ObjectID) throws {
        try call(.delete) {
            $0.field(objectClass.rawValue)
            $0.field(id.bytes)
        } _: { _ in
        }
    }

    /// Keeps the process on one processor, with the front's thread that it works with. Where the system does not allow
    /// that, it stays where it was, and all the same works.
    public func settle(on processor: Int32) throws {
        try call(.settle) {
            $0.field(UInt32(bitPattern: processor))
        } _: { _ in
        }
    }

    public func forget(_ id: ObjectID) throws {
        try call(.forget) {
            $0.field(id.bytes)
        } _: { _ in
        }
    }

    public func sign(_ id: ObjectID, input: [UInt8]) throws -> [UInt8] {
        try call(.sign) {
            $0.field(id.bytes)
            $0.field(input)
        } _: {
            try $0.field(atMost: 256)
        }
    }

    public func mac(_ id: ObjectID, input: [UInt8]) throws -> [UInt8] {
        try call(.mac) {
            $0.field(id.bytes)
            $0.field(input)
        } _: {
            try $0.field(exactly: 32)
        }
    }

    public func encrypt(_ id: ObjectID, plaintext: [UInt8], aad: [UInt8]) throws -> [UInt8] {
        try call(.encrypt) {
            $0.field(id.bytes)
            $0.field(plaintext)
            $0.field(aad)
        } _: {
            try $0.field()
        }
    }

    public func decrypt(_ id: ObjectID, ciphertext: [UInt8], aad: [UInt8]) throws -> [UInt8] {
        try call(.decrypt) {
            $0.field(id.bytes)
            $0.field(ciphertext)
            $0.field(aad)
        } _: {
            try $0.field()
        }
    }

    public func createIdentity(owner: ObjectOwner, signing: ObjectID, kem: ObjectID) throws -> CreatedIdentityKeys {
        try call(.createIdentity) {
            $0.field(owner.uid)
            $0.field(signing.bytes)
            $0.field(kem.bytes)
        } _: { answer in
            guard let type = KeyType(rawValue: try answer.byte()) else {
                throw DTAError(.invalidArgument, "an unknown key type")
            }
            return CreatedIdentityKeys(
                signingType: type, signing: try answer.field(atMost: 256), kem: try answer.field(exactly: 1216),
                sealedSeed: try answer.field(atMost: 1024))
        }
    }

    public func signDocument(_ id: ObjectID, context: String, hash: [UInt8]) throws -> [UInt8] {
        try call(.signDocument) {
            $0.field(id.bytes)
            $0.field(context)
            $0.field(hash)
        } _: {
            try $0.field(exactly: 64)
        }
    }

    public func createPostQuantumKey(_ signing: ObjectID) throws -> PostQuantumKey {
        try call(.createPostQuantumKey) {
            $0.field(signing.bytes)
        } _: {
            PostQuantumKey(
                publicKey: try $0.field(exactly: PostQuantumKey.publicKeySize), sealedSeed: try $0.field(atMost: 1024))
        }
    }

    public func signPostQuantum(
        _ signing: ObjectID, key: PostQuantumKey, context: String, hash: [UInt8]
    ) throws -> [UInt8] {
        try call(.signPostQuantum) {
            $0.field(signing.bytes)
            $0.field(key.publicKey)
            $0.field(key.sealedSeed)
            $0.field(context)
            $0.field(hash)
        } _: {
            try $0.field(exactly: PostQuantumKey.signatureSize)
        }
    }

    public func openKey(
        kem: ObjectID, owner: ObjectOwner, publicKEM: [UInt8], sealedSeed: [UInt8], coreHash: [UInt8],
        recipient: [UInt8], enc: [UInt8], key: [UInt8]
    ) throws -> [UInt8] {
        try call(.openKey) {
            $0.field(kem.bytes)
            $0.field(owner.uid)
            $0.field(publicKEM)
            $0.field(sealedSeed)
            $0.field(coreHash)
            $0.field(recipient)
            $0.field(enc)
            $0.field(key)
        } _: {
            try $0.field(exactly: 32)
        }
    }

    public func sealState(_ plaintext: [UInt8], purpose: String, id: [UInt8]) throws -> [UInt8] {
        try call(.sealState) {
            $0.field(plaintext)
            $0.field(purpose)
            $0.field(id)
        } _: {
            try $0.field()
        }
    }

    public func unsealState(_ blob: [UInt8], purpose: String, id: [UInt8]) throws -> [UInt8] {
        try call(.unsealState) {
            $0.field(blob)
            $0.field(purpose)
            $0.field(id)
        } _: {
            try $0.field()
        }
    }
}
