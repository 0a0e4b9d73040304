import CustodyProtocol
import DTAFormats
import DTASystem

/// Where an import stands: for whom the wrapping key was made, and when.
struct ImportBegun: Sendable {
    let name: String
    let type: KeyType
    let owner: Owner
    /// Monotonic nanoseconds.
    let began: UInt64
}

/// Taking in keys that exist already. Here is nothing of the key itself: it passes wrapped.
extension KeyService {
    /// As long as dtad-hsm keeps a wrapping key, in nanoseconds.
    private static let importLife: UInt64 = 120_000_000_000
    /// Of all users together, which is what dtad-hsm keeps, and of one.
    private static let importsAtOnce = 256
    private static let importsOfUser = 8

    /// Has a wrapping key made for one key of the caller's.
    /// - Parameter nonce: 32 bytes.
    /// - Returns: the object that the key is to be, and the wrapping key with its signature.
    package func beginImport(
        _ caller: Caller, name: String, type: KeyType, nonce: [UInt8]
    ) throws -> CustodyStep<(object: ObjectID, offer: ImportOffer)> {
        let name = try KeyName(name)
        let owner = try Owner(of: caller)
        try policy.current.authorizeMaking(caller, .key, name.text)
        try index.check(name.text, owner: owner)
        guard nonce.count == KeyWrapping.nonceSize else {
            throw DTAError(
                .invalidArgument, "a nonce has \(KeyWrapping.nonceSize) bytes here, not \(nonce.count)")
        }
        return { [self] custodian in
            let object = ObjectID.random()
            try begin(ImportBegun(name: name.text, type: type, owner: owner, began: monotonicNanoseconds()), object)
            do {
                let offer = try custodian.ask(
                    BeginImport(type: type, owner: ObjectOwner(uid: owner.uid), id: object, nonce: nonce))
                return (object, offer)
            } catch {
                imports.withLock { $0[object] = nil }
                throw error
            }
        }
    }

    private func begin(_ begun: ImportBegun, _ object: ObjectID) throws {
        try imports.withLock { imports in
            imports = imports.filter { begun.began &- $0.value.began < Self.importLife }
            let own = imports.values.count { $0.owner == begun.owner }
            guard own < Self.importsOfUser, imports.count < Self.importsAtOnce else {
                throw DTAError(
                    .resourceExhausted,
                    "too many imports have begun and not ended: \(own) of user \(begun.owner.display)",
                    hint: "wait two minutes")
            }
            imports[object] = begun
        }
    }

    /// Puts the wrapped key on the token.
    /// - Parameter object: as `beginImport` answered it, 32 hexadecimal digits.
    package func finishImport(
        _ caller: Caller, name: String, type: KeyType, object: String, wrapped: [UInt8]
    ) throws -> CustodyStep<KeyRecord> {
        let name = try KeyName(name)
        let owner = try Owner(of: caller)
        let id = try Self.object(object)
        try policy.current.authorizeMaking(caller, .key, name.text)
        try index.check(name.text, owner: owner)
        guard wrapped.count <= KeyWrapping.wrappedLimit else {
            throw DTAError(
                .invalidArgument, "a wrapped key has at most \(KeyWrapping.wrappedLimit) bytes, not \(wrapped.count)")
        }
        // Of the object nothing is undone that this import did not begin.
        let begun = imports.withLock { imports -> ImportBegun? in
            guard imports[id]?.owner.isSame(as: caller) == true else { return nil }
            return imports.removeValue(forKey: id)
        }
        guard let begun, begun.name == name.text, begun.type == type else {
            throw DTAError(
                .failedPrecondition, "there is no wrapping key for this: each is used once, within two minutes",
                hint: "import the key again")
        }
        return { [self] custodian in
            try index.reserve(name.text, owner: owner)
            do {
                return try make(name, type, owner, custodian, object: id, origin: .imported) { object in
                    let publicKey = try custodian.ask(
                        ImportKey(type: type, owner: ObjectOwner(uid: owner.uid), id: object, wrapped: wrapped))
                    try refuseTwin(publicKey, of: caller)
                    return publicKey
                }
            } catch {
                index.cancel(name.text, owner: owner)
                throw error
            }
        }
    }

    /// Of other users' keys nothing is said.
    private func refuseTwin(_ publicKey: [UInt8], of caller: Caller) throws {
        guard !publicKey.isEmpty,
            let twin = index.all.first(where: { $0.publicKey == publicKey && $0.owner.isSame(as: caller) })
        else { return }
        throw DTAError(
            .failedPrecondition, "you have this key already: it is \(quoted(twin.name))",
            hint: "delete that one first if it is to have another name"
        ).recorded("duplicate")
    }
}
