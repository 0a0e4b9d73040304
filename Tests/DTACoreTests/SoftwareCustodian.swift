import Crypto
import CryptoExtras
import CustodyProtocol
import DTABytes
import DTAFormats
import DTASystem
import Foundation
import TestSupport

/// A custodian in software, for what DTACore decides around the HSM: its objects are files of a directory, so that they
/// outlive a process that is killed. dtad-hsm itself is tested with a real token elsewhere.
final class SoftwareCustodian: Custodian {
    let directory: String
    /// Called with the operation's name before it is done; what it throws is the HSM's failure.
    let before = Locked<@Sendable (String) throws -> Void>({ _ in })
    /// The core hashes of the envelopes that were opened, one for each time.
    let opened = Locked<[[UInt8]]>([])
    private let offers = Locked<[ObjectID: KeyWrapping.OneTimeKey]>([:])

    init(_ directory: String) throws {
        self.directory = directory
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    }

    func fail(_ operation: String, with error: DTAError) {
        before.withLock { $0 = { if $0 == operation { throw error } } }
    }

    func failNothing() { before.withLock { $0 = { _ in } } }

    func reach(_ operation: String) throws {
        let before = before.withLock { $0 }
        try before(operation)
    }

    func ask<Message: CustodyMessage>(_ message: Message) throws -> Message.Answer {
        let answer: Any? =
            switch message {
            case let asked as ListObjects: try list(asked.objectClass)
            case let asked as DeleteObject: try delete(asked.objectClass, id: asked.id)
            case is ForgetObject: ()
            case is DescribeToken: description
            case let asked as DrawRandom: try random(count: asked.count)
            case let asked as GenerateKey: try generate(asked.type, owner: asked.owner, id: asked.id)
            case let asked as SignRSA: try sign(asked)
            case let asked as BeginImport: try beginImport(asked)
            case let asked as ImportKey: try importKey(asked)
            case is AskOrigin: KeyOrigin.token
            case let asked as Sign: try sign(asked.id, input: asked.input)
            case let asked as MakeMAC: try mac(asked)
            case let asked as Encrypt: try encrypt(asked)
            case let asked as Decrypt: try decrypt(asked)
            case let asked as Agree: try agree(asked)
            case let asked as CreateIdentity: try createIdentity(asked)
            case let asked as SignDocument: try signDocument(asked)
            case let asked as CreatePostQuantumKey: try createPostQuantumKey(asked.signing)
            case let asked as SignPostQuantum: try signPostQuantum(asked)
            case let asked as OpenKey: try openKey(asked)
            case let asked as SealState: try sealState(asked)
            case let asked as UnsealState: try unsealState(asked)
            case let asked as NewSeed: try newSeed(asked)
            case let asked as NewOrderKey: try newOrderKey(asked)
            case let asked as Release: try release(asked.request)
            case let asked as SignForOrder: try signForOrder(asked.request)
            case let asked as NewEpoch: try newEpoch(asked.number)
            case let asked as DestroyEpoch: try destroyEpoch(asked.number)
            case is ListEpochs: try epochs()
            case is CreateShare: createShare()
            default: nil
            }
        // Here secrets are arrays.
        let bytes = Message.Answer.self == SecretReference.self ? answer as? [UInt8] : nil
        guard let answer = (bytes.map { SecretReference(copying: $0) } ?? answer) as? Message.Answer else {
            throw DTAError(.internal, "\(Message.operation) is not asked for here")
        }
        return answer
    }

    // MARK: Objects

    /// Puts an object there, as somebody else's program could.
    func put(_ objectClass: ObjectClass, _ owner: ObjectOwner, _ id: ObjectID, _ secret: [UInt8]) throws {
        let name = "\(objectClass.rawValue)-\(owner.uid)-\(hex(id.bytes))"
        guard FileManager.default.createFile(atPath: "\(directory)/\(name)", contents: Data(secret)) else {
            throw TestFailure("cannot write \(name)")
        }
    }

    private func files() throws -> [(file: String, object: TokenObject)] {
        try FileManager.default.contentsOfDirectory(atPath: directory).compactMap {
            name -> (file: String, object: TokenObject)? in
            let parts = name.split(separator: "-")
            guard parts.count == 3 else { return nil }
            let object = TokenObject(
                objectClass: ObjectClass(rawValue: UInt8(parts[0])!)!, owner: ObjectOwner(uid: UInt32(parts[1])!),
                id: try ObjectID(TestSupport.bytes(parts[2])))
            return ("\(directory)/\(name)", object)
        }
    }

    var count: Int { get throws { try files().count } }

    func secret(_ objectClass: ObjectClass, _ id: ObjectID) throws -> [UInt8] {
        guard let found = try files().first(where: { $0.object.id == id && $0.object.objectClass == objectClass })
        else {
            throw DTAError(.notFound, "no such object")
        }
        return Array(try Data(contentsOf: URL(fileURLWithPath: found.file)))
    }

    private func list(_ objectClass: ObjectClass) throws -> [TokenObject] {
        try reach("list")
        return try files().map(\.object).filter { $0.objectClass == objectClass }
    }

    private func delete(_ objectClass: ObjectClass, id: ObjectID) throws {
        try reach("delete")
        for (file, object) in try files() where object.id == id && object.objectClass == objectClass {
            try FileManager.default.removeItem(atPath: file)
        }
    }

    private var description: TokenDescription {
        TokenDescription(
            label: "test", serial: "1", manufacturer: "", model: "", library: "", keyTypes: KeyType.allCases,
            maximumSessions: 0, pid: 0, uid: 0, memoryShortfall: "")
    }

    private func random(count: Int) throws -> [UInt8] {
        try reach("random")
        return bytes(count)
    }

    private func bytes(_ count: Int) -> [UInt8] { (0..<count).map { _ in UInt8.random(in: 0...255) } }

    // MARK: Users' keys

    private func generate(_ type: KeyType, owner: ObjectOwner, id: ObjectID) throws -> [UInt8] {
        try reach("generate")
        let (secret, publicKey): ([UInt8], [UInt8]) =
            switch type {
            case .ed25519:
                { (Array($0.rawRepresentation), Array($0.publicKey.rawRepresentation)) }(
                    Curve25519.Signing.PrivateKey())
            case .p256, .p256ECDH:
                { (Array($0.rawRepresentation), Array($0.publicKey.x963Representation)) }(P256.Signing.PrivateKey())
            case .p384, .p384ECDH:
                { (Array($0.rawRepresentation), Array($0.publicKey.x963Representation)) }(P384.Signing.PrivateKey())
            case .rsa2048, .rsa3072, .rsa4096:
                try {
                    (Array($0.derRepresentation), try PublicKey(spkiDER: Array($0.publicKey.derRepresentation)).raw)
                }(
                    _RSA.Signing.PrivateKey(keySize: type == .rsa2048 ? .bits2048 : .bits3072))
            case .hmacSHA256, .aes256: (bytes(32), [])
            case .secp256k1: throw DTAError(.failedPrecondition, "the token lacks the mechanism for secp256k1")
            }
        try put(.user, owner, id, [type.rawValue] + secret)
        return publicKey
    }

    private func beginImport(_ asked: BeginImport) throws -> ImportOffer {
        try reach("beginImport")
        let key = try KeyWrapping.OneTimeKey()
        offers.withLock { $0[asked.id] = key }
        return ImportOffer(wrappingKey: key.publicKey, signature: [UInt8](repeating: 0, count: 64))
    }

    private func importKey(_ asked: ImportKey) throws -> [UInt8] {
        try reach("importKey")
        guard let key = offers.withLock({ $0.removeValue(forKey: asked.id) }),
            let kind = TransportedKey.Kind(rawValue: asked.type.rawValue)
        else { throw DTAError(.failedPrecondition, "there is no wrapping key for this") }
        let place = try KeyWrapping(kind, owner: asked.owner.uid, object: asked.id.bytes)
        let imported: TransportedKey
        imported = try key.unwrap(asked.wrapped, place)
        let secret = imported.secret.withBytes { Array(copying: $0) }
        try put(.user, asked.owner, asked.id, [asked.type.rawValue] + secret)
        return imported.publicKey?.raw ?? []
    }

    private func agree(_ asked: Agree) throws -> SecretReference {
        try reach("agree")
        let key = try P256.KeyAgreement.PrivateKey(rawRepresentation: secret(.user, asked.id).dropFirst())
        let secret = try key.sharedSecretFromKeyAgreement(with: .init(x963Representation: asked.peer))
        return SecretReference(copying: secret.withUnsafeBytes { Array($0) })
    }

    private func sign(_ asked: SignRSA) throws -> [UInt8] {
        try reach("sign")
        let key = try _RSA.Signing.PrivateKey(derRepresentation: try secret(.user, asked.id).dropFirst())
        guard asked.scheme == .pssSHA256 else { throw DTAError(.internal, "not a scheme of this custodian") }
        // swift-crypto's digests have no initializer for others.
        var digest = SHA256.hash(data: [UInt8]())
        withUnsafeMutableBytes(of: &digest) { $0.copyBytes(from: asked.digest) }
        return Array(try key.signature(for: digest, padding: .PSS).rawRepresentation)
    }

    private func sign(_ id: ObjectID, input: [UInt8]) throws -> [UInt8] {
        try reach("sign")
        let stored = try secret(.user, id)
        let key = stored.dropFirst()
        switch KeyType(rawValue: stored[0]) {
        case .ed25519: return Array(try Curve25519.Signing.PrivateKey(rawRepresentation: key).signature(for: input))
        case .p256:
            return Array(
                try P256.Signing.PrivateKey(rawRepresentation: key).signature(for: Given(input)).rawRepresentation)
        case .p384:
            return Array(
                try P384.Signing.PrivateKey(rawRepresentation: key).signature(for: Given(input)).rawRepresentation)
        default: throw DTAError(.internal, "not a signing key")
        }
    }

    /// A digest that was made elsewhere.
    private struct Given: Digest {
        static var byteCount: Int { 32 }
        let bytes: [UInt8]
        init(_ bytes: [UInt8]) { self.bytes = bytes }
        var description: String { "digest" }
        func makeIterator() -> [UInt8].Iterator { bytes.makeIterator() }
        func withUnsafeBytes<R>(_ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
            try bytes.withUnsafeBytes(body)
        }
    }

    private func mac(_ asked: MakeMAC) throws -> [UInt8] {
        let key = SymmetricKey(data: try secret(.user, asked.id).dropFirst())
        return Array(HMAC<SHA256>.authenticationCode(for: asked.input, using: key))
    }

    private func encrypt(_ asked: Encrypt) throws -> [UInt8] {
        let key = SymmetricKey(data: try secret(.user, asked.id).dropFirst())
        return Array(
            try AES.GCM.seal(asked.plaintext.array, using: key, authenticating: asked.associatedData).combined!)
    }

    private func decrypt(_ asked: Decrypt) throws -> [UInt8] {
        let key = SymmetricKey(data: try secret(.user, asked.id).dropFirst())
        let box = try AES.GCM.SealedBox(combined: asked.ciphertext)
        return Array(try AES.GCM.open(box, using: key, authenticating: asked.associatedData))
    }

    // MARK: Identities

    private func createIdentity(_ asked: CreateIdentity) throws -> CreatedIdentityKeys {
        try reach("createIdentity")
        let (ed25519, x25519) = (Curve25519.Signing.PrivateKey(), Curve25519.KeyAgreement.PrivateKey())
        let mlkem = try MLKEM768.PrivateKey()
        try put(.identitySigning, asked.owner, asked.signing, Array(ed25519.rawRepresentation))
        try put(.identityKEM, asked.owner, asked.kem, Array(x25519.rawRepresentation))
        return CreatedIdentityKeys(
            signingType: .ed25519, signing: Array(ed25519.publicKey.rawRepresentation),
            kem: Array(mlkem.publicKey.rawRepresentation) + Array(x25519.publicKey.rawRepresentation),
            sealedSeed: Array(mlkem.seedRepresentation))
    }

    private func signDocument(_ asked: SignDocument) throws -> [UInt8] {
        try reach("signDocument")
        let key = try Curve25519.Signing.PrivateKey(rawRepresentation: try secret(.identitySigning, asked.id))
        return Array(try key.signature(for: try SignedBytes.make(context: asked.context, hash: asked.hash)))
    }

    private func createPostQuantumKey(_ signing: ObjectID) throws -> PostQuantumKey {
        try reach("createPostQuantumKey")
        _ = try secret(.identitySigning, signing)
        let key = try MLDSA65.PrivateKey()
        return PostQuantumKey(
            publicKey: Array(key.publicKey.rawRepresentation), sealedSeed: Array(key.seedRepresentation))
    }

    private func signPostQuantum(_ asked: SignPostQuantum) throws -> [UInt8] {
        try reach("signPostQuantum")
        _ = try secret(.identitySigning, asked.signing)
        let key = try MLDSA65.PrivateKey(seedRepresentation: asked.key.sealedSeed, publicKey: nil)
        return Array(try key.signature(for: try SignedBytes.make(context: asked.context, hash: asked.hash)))
    }

    private func openKey(_ asked: OpenKey) throws -> [UInt8] {
        try reach("openKey")
        opened.withLock { $0.append(asked.coreHash) }
        return try contentKey(asked)
    }

    func contentKey(_ asked: OpenKey) throws -> [UInt8] {
        let private25519 = try Curve25519.KeyAgreement.PrivateKey(
            rawRepresentation: try secret(.identityKEM, asked.recipient.kem))
        return try KeyUnwrapping.unwrapContentKey(
            coreHash: asked.coreHash, recipient: asked.recipient.cid, enc: asked.wrap.enc, key: asked.wrap.key,
            publicKEM: asked.recipient.publicKEM, mlkemSeed: asked.recipient.sealedSeed
        ) { point in
            let other = try Curve25519.KeyAgreement.PublicKey(rawRepresentation: point)
            return try private25519.sharedSecretFromKeyAgreement(with: other).withUnsafeBytes { Array($0) }
        }
    }

    /// One key, as long as the directory is there.
    private func stateKey() throws -> SymmetricKey {
        let path = "\(directory)/state-key"
        if let known = FileManager.default.contents(atPath: path) { return SymmetricKey(data: known) }
        let key = SymmetricKey(size: .bits256)
        try key.withUnsafeBytes { try Data($0).write(to: URL(fileURLWithPath: path)) }
        return key
    }

    private func sealState(_ asked: SealState) throws -> [UInt8] {
        try reach("sealState")
        let box = try AES.GCM.seal(
            asked.plaintext.array, using: try stateKey(), authenticating: Array(asked.purpose.utf8) + asked.id)
        return [UInt8](box.combined!)
    }

    private func unsealState(_ asked: UnsealState) throws -> [UInt8] {
        try reach("unsealState")
        do {
            let box = try AES.GCM.SealedBox(combined: asked.sealed)
            return [UInt8](
                try AES.GCM.open(box, using: try stateKey(), authenticating: Array(asked.purpose.utf8) + asked.id))
        } catch {
            throw DTAError(.dataLoss, "a sealed blob for \(asked.purpose) does not open")
        }
    }
}
